package io.maseparation.moe.segments;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;
import io.maseparation.kernels.Routing;
import io.maseparation.kernels.operations.ArgMax;
import io.maseparation.kernels.operations.Clip;
import io.maseparation.kernels.operations.Combine;
import io.maseparation.kernels.operations.DecodeAttention;
import io.maseparation.kernels.operations.Dispatch;
import io.maseparation.kernels.operations.Embedding;
import io.maseparation.kernels.operations.ExpertDown;
import io.maseparation.kernels.operations.ExpertUp;
import io.maseparation.kernels.operations.HeadRmsNorm;
import io.maseparation.kernels.operations.PrefillAttention;
import io.maseparation.kernels.operations.Projection;
import io.maseparation.kernels.operations.ResidualAdd;
import io.maseparation.kernels.operations.RmsNorm;
import io.maseparation.kernels.operations.RopeAppend;
import io.maseparation.kernels.operations.Router;
import io.maseparation.kernels.operations.ScaleByRms;
import io.maseparation.kernels.operations.SelectRows;
import io.maseparation.kernels.operations.SumOfSquares;
import io.maseparation.moe.AttentionSize;
import io.maseparation.moe.Format;
import io.maseparation.moe.Latent;
import io.maseparation.moe.LayerFormats;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the tasks of a segment must do, from shapes alone: {@link SegmentBuilder} without weights, task for task, so
 * that a cost model times the very graphs that a device runs. Experts of a rank count as one bank.
 */
public final class SegmentCosts {
    private final ModelConfig config;
    private final Shard shard;
    private final Format kvFormat;

    /**
     * @param config model
     * @param shard what of it the rank holds
     * @param kvFormat format of the KV cache
     */
    public SegmentCosts(ModelConfig config, Shard shard, Format kvFormat) {
        this.config = config;
        this.shard = shard;
        this.kvFormat = kvFormat;
    }

    /** The tasks of a segment, in order. */
    public List<OperationCost> of(Segment segment, StepShape shape) {
        List<OperationCost> costs = new ArrayList<>();
        for (Part part : segment.parts()) {
            add(costs, part, shape);
        }
        return costs;
    }

    private void add(List<OperationCost> costs, Part part, StepShape shape) {
        int rows = shape.rows();
        int hidden = config.hidden();
        switch (part) {
            case Part.Embed() -> add(costs, Operation.EMBEDDING, Embedding.cost(rows, hidden, config.weightType()));
            case Part.LoadHidden() -> add(costs, Operation.SELECT_ROWS, SelectRows.cost(rows, hidden));
            case Part.StoreHidden() -> {
            }
            case Part.Attention(int layer) -> {
                queries(costs, layer, rows);
                if (config.qkNorm() == QkNorm.WHOLE) {
                    add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, 1, config.queryWidth()));
                    add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, 1, config.kvWidth()));
                }
                attention(costs, layer, shape);
            }
            case Part.AttentionSums(int layer) -> {
                queries(costs, layer, rows);
                add(costs, Operation.SUM_OF_SQUARES, SumOfSquares.cost(rows, heads().queries() * config.headDim()));
                add(costs, Operation.SUM_OF_SQUARES, SumOfSquares.cost(rows, heads().kvs() * config.headDim()));
            }
            case Part.AttentionRest(int layer) -> {
                add(costs, Operation.SCALE_BY_RMS, ScaleByRms.cost(rows, heads().queries() * config.headDim()));
                add(costs, Operation.SCALE_BY_RMS, ScaleByRms.cost(rows, heads().kvs() * config.headDim()));
                attention(costs, layer, shape);
            }
            case Part.AddReduced() -> add(costs, Operation.RESIDUAL_ADD, ResidualAdd.cost(rows, hidden));
            case Part.Route(int layer, boolean export, boolean weights) -> {
                add(costs, Operation.RMS_NORM, RmsNorm.cost(rows, hidden));
                costs.add(new OperationCost(
                        Operation.ROUTER, Router.cost(rows, hidden, routing(layer)),
                        new OperationCost.Product(rows, routing(layer).experts(), hidden), Format.BF16));
            }
            case Part.Experts(int layer, boolean received, boolean sums) -> {
                experts(costs, layer, shape);
                if (sums) {
                    StepShape.ExpertLoad load = shape.experts();
                    add(costs, Operation.COMBINE, Combine.cost(
                            load.rows(), load.pairs() + load.extraRows(), routing(layer).slots(), hidden, false));
                }
            }
            case Part.Combine(int layer, boolean imported, boolean partial) -> add(costs, Operation.COMBINE,
                    Combine.cost(rows, rows * routing(layer).slots(), routing(layer).slots(), hidden, !partial));
            case Part.Output() -> output(costs, shape.outputs());
        }
    }

    /**
     * Bytes that an execution of a segment takes from the host to the device and back, where that has a memory of its
     * own: small arrays as a whole, and a step's rows of what ranks exchange.
     *
     * @param segment the segment
     * @param capacity sizes of the rank's arrays
     * @param rows rows of the step, from the first row of the arrays on
     * @param received rows of other ranks for the rank's experts
     */
    public long transferBytes(Segment segment, Capacity capacity, int rows, int received) {
        // An array that two parts read goes once.
        Map<Object, Long> arrays = new HashMap<>();
        for (Part part : segment.parts()) {
            transfers(arrays, part, capacity, rows, received);
        }
        return 4 * arrays.values().stream().mapToLong(n -> n).sum();
    }

    /** What goes between host and device. */
    private enum Array {
        STEP, TOKENS, ROW_INFO, RECEIVED_ROWS, X, SUMS_IN, SUMS_OUT, PARTIAL_IN, PARTIAL_OUT, H, RECEIVED_STEP, RECEIVED_X, RECEIVED_IDS, RECEIVED_OUT, RECEIVED_WEIGHTS, WEIGHTS, EXPERT_OUT, OUTPUT_STEP, OUTPUT_ROWS, BEST
    }

    /** The router's choices in layers with a number of slots. */
    private record Choices(int slots) {}

    private void transfers(Map<Object, Long> arrays, Part part, Capacity capacity, long moved, long received) {
        long rows = Math.max(1, capacity.rows());
        long outputs = Math.max(1, capacity.outputRows());
        long hidden = config.hidden();
        if (!(part instanceof Part.StoreHidden) && !(part instanceof Part.Output)
                && !(part instanceof Part.Experts held && held.received())) {
            arrays.put(Array.STEP, 3L);
        }
        switch (part) {
            case Part.Embed() -> arrays.put(Array.TOKENS, rows);
            case Part.LoadHidden() -> arrays.put(Array.RECEIVED_ROWS, moved * hidden);
            case Part.StoreHidden() -> arrays.put(Array.X, moved * hidden);
            case Part.Attention(int layer) -> rest(arrays, capacity, moved);
            case Part.AttentionSums(int layer) -> arrays.put(Array.SUMS_OUT, 2 * rows);
            case Part.AttentionRest(int layer) -> {
                arrays.put(Array.SUMS_IN, 2 * rows);
                rest(arrays, capacity, moved);
            }
            case Part.AddReduced() -> arrays.put(Array.PARTIAL_IN, moved * hidden);
            case Part.Route(int layer, boolean export, boolean weights) -> {
                int slots = routing(layer).slots();
                arrays.put(new Choices(slots), rows * slots * RankArrays.choicesKept(config, shard, capacity, slots));
                if (weights) {
                    arrays.put(Array.WEIGHTS, rows * routing(layer).slots());
                }
                if (export) {
                    arrays.put(Array.H, moved * hidden);
                }
            }
            case Part.Experts(int layer, boolean isReceived, boolean sums) -> {
                if (isReceived) {
                    // Buffers are for the layer with the most slots.
                    arrays.put(Array.RECEIVED_STEP, 3L);
                    long most = Math.max(1, (long) capacity.receivedRows() * config.maxSlots());
                    arrays.put(Array.RECEIVED_X, received * hidden);
                    arrays.put(Array.RECEIVED_IDS, most);
                    arrays.put(Array.RECEIVED_OUT, received * hidden * (sums ? 1 : routing(layer).slots()));
                    if (sums) {
                        arrays.put(Array.RECEIVED_WEIGHTS, most);
                    }
                }
            }
            case Part.Combine(int layer, boolean imported, boolean partial) -> {
                if (imported) {
                    arrays.put(Array.EXPERT_OUT, moved * hidden * routing(layer).slots());
                }
                if (partial) {
                    arrays.put(Array.PARTIAL_OUT, moved * hidden);
                }
            }
            case Part.Output() -> {
                arrays.put(Array.OUTPUT_STEP, 3L);
                arrays.put(Array.OUTPUT_ROWS, outputs);
                arrays.put(Array.BEST, outputs);
            }
        }
    }

    private void rest(Map<Object, Long> arrays, Capacity capacity, long moved) {
        long rows = Math.max(1, capacity.rows());
        arrays.put(Array.ROW_INFO, 3 * rows + KvCache.blocks(capacity.kvPositions()));
        if (heads().parts() > 1) {
            arrays.put(Array.PARTIAL_OUT, moved * config.hidden());
        }
    }

    private static void add(List<OperationCost> costs, Operation operation, OpCost cost) {
        costs.add(new OperationCost(operation, cost));
    }

    private Shard.Heads heads() {
        return shard.attention().orElseThrow();
    }

    private Routing routing(int layer) {
        return config.layers().get(layer).routing();
    }

    private void queries(List<OperationCost> costs, int layer, int rows) {
        Shard.Heads heads = heads();
        Format format = config.formats(layer).attention();
        add(costs, Operation.RMS_NORM, RmsNorm.cost(rows, config.hidden()));
        if (latent().isPresent()) {
            latentQueries(costs, format, rows, latent().get());
            return;
        }
        costs.add(product(Operation.QKV_PROJECTION, rows, heads.qkvWidth(config), config.hidden(), format));
        if (config.qkNorm() == QkNorm.PER_HEAD) {
            add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, heads.queries(), config.headDim()));
            add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, heads.kvs(), config.headDim()));
        }
    }

    /** Queries and the latent: both come down to their ranks first, which every slice of the heads does whole. */
    private void latentQueries(List<OperationCost> costs, Format format, int rows, Latent latent) {
        int queries = heads().queries() * config.headDim();
        int down = latent.queryRank() > 0 ? latent.queryRank() : queries;
        costs.add(product(Operation.QKV_PROJECTION, rows, down + latent.cached(), config.hidden(), format));
        if (latent.queryRank() > 0) {
            add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, 1, latent.queryRank()));
            costs.add(product(Operation.PROJECTION, rows, queries, latent.queryRank(), format));
        }
        add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, 1, latent.rank()));
    }

    private void attention(List<OperationCost> costs, int layer, StepShape shape) {
        int rows = shape.rows();
        Shard.Heads heads = heads();
        int dim = config.headDim();
        Format format = config.formats(layer).attention();
        if (config.qkNorm() != QkNorm.NONE && config.attention().qkvClip() > 0) {
            add(costs, Operation.CLIP, Clip.cost(rows, heads.qkvWidth(config)));
        }
        long cached = kvFormat.bytes(AttentionSize.cachedElements(config, heads.kvs()));
        int window = config.layers().get(layer).slidingWindow();
        OpCost decode = OpCost.ZERO;
        OpCost prefill = OpCost.ZERO;
        int longest = 0;
        long positions = 0;
        long unfolded = 0;
        for (StepShape.Piece piece : shape.pieces()) {
            if (shape.prefill()) {
                OpCost of = PrefillAttention.cost(
                        DataType.F16, piece.context() - piece.rows(), piece.rows(), heads.queries(), heads.kvs(), dim,
                        window);
                long read = of.storedBytes() / (2L * heads.kvs() * dim * DataType.F16.bytes());
                unfolded += read;
                prefill = prefill.plus(of.withStored(read * cached));
            } else {
                long seen = window > 0 ? Math.min(window, piece.context()) : piece.context();
                longest = Math.max(longest, (int) seen);
                positions += piece.rows() * seen;
                decode = decode.plus(DecodeAttention.cost(
                        DataType.F16, piece.rows(), piece.rows() * seen, heads.queries(), heads.kvs(), dim));
            }
        }
        decode = decode.withStored(positions * cached);
        if (latent().isPresent()) {
            latentAttention(costs, format, shape, new Attended(decode, prefill, longest, positions, unfolded));
            return;
        }
        add(costs, Operation.ROPE_APPEND, RopeAppend.cost(DataType.F16, rows, heads.queries(), heads.kvs(), dim)
                .withStored(rows * cached));
        costs.add(new OperationCost(Operation.DECODE_ATTENTION, decode, longest, new OperationCost.Attention(
                rows * heads.kvs(), heads.queries() / Math.max(1, heads.kvs()), positions / Math.max(1.0, rows)),
                kvFormat));
        costs.add(new OperationCost(Operation.PREFILL_ATTENTION, prefill, OperationCost.Other.OTHER, kvFormat));
        costs.add(product(Operation.PROJECTION, rows, config.hidden(), heads.queries() * dim, format));
    }

    /**
     * What rows attend to.
     *
     * @param decode work of decode attention, as if keys and values were cached
     * @param prefill work of prefill attention, likewise
     * @param longest positions that a row sees one after the other
     * @param positions positions that all decoded rows see together
     * @param unfolded positions whose keys and values a prefill makes of their latents
     */
    private record Attended(OpCost decode, OpCost prefill, int longest, long positions, long unfolded) {}

    /**
     * Attention over latents. Decoding, each head's query goes through the matrix of the keys, and its result through
     * that of the values; a prefill, whose rows share keys and values, makes those for all positions.
     */
    private void latentAttention(List<OperationCost> costs, Format format, StepShape shape, Attended of) {
        Latent latent = latent().orElseThrow();
        int rows = shape.rows();
        int queries = heads().queries();
        long head = (long) latent.plain() + latent.value();
        add(costs, Operation.ROPE_APPEND, new OpCost(
                3L * rows * (queries + 1) * latent.rotated(), rows * kvFormat.bytes(latent.cached()),
                8L * rows * ((long) queries * latent.rotated() + latent.cached())));
        if (shape.prefill()) {
            OpCost unfold = new OpCost(2 * of.unfolded() * latent.rank() * queries * head,
                    format.bytes((long) latent.rank() * queries * head), 4 * of.unfolded() * queries * head);
            costs.add(new OperationCost(Operation.PROJECTION, unfold, OperationCost.Other.OTHER, format));
            OpCost plain = of.prefill();
            long flops = plain.flops() / (2L * config.headDim()) * (config.headDim() + latent.value());
            costs.add(new OperationCost(
                    Operation.PREFILL_ATTENTION,
                    new OpCost(flops, plain.storedBytes(),
                            4L * rows * queries * (config.headDim() + latent.value()) + unfold.activationBytes()),
                    OperationCost.Other.OTHER, Format.BF16));
        } else {
            costs.add(perHead(rows, queries, latent.plain(), latent.rank(), format));
            costs.add(new OperationCost(
                    Operation.DECODE_ATTENTION,
                    new OpCost(of.positions() * AttentionSize.positionFlops(config, queries),
                            of.decode().storedBytes(), 4L * rows * queries * (latent.cached() + latent.rank())),
                    of.longest(), OperationCost.Other.OTHER, kvFormat));
            costs.add(perHead(rows, queries, latent.rank(), latent.value(), format));
        }
        costs.add(product(Operation.PROJECTION, rows, config.hidden(), queries * latent.value(), format));
    }

    /** A product of each row's part for a head with that head's matrix. */
    private static OperationCost perHead(long rows, long heads, long inputs, long outputs, Format format) {
        OpCost cost = new OpCost(2 * rows * heads * inputs * outputs, format.bytes(heads * inputs * outputs),
                4 * rows * heads * (inputs + outputs));
        return new OperationCost(Operation.PROJECTION, cost, OperationCost.Other.OTHER, format);
    }

    private Optional<Latent> latent() {
        return config.attention().heads().latent();
    }

    private void experts(List<OperationCost> costs, int layer, StepShape shape) {
        StepShape.ExpertLoad load = shape.experts();
        ModelConfig.Layer of = config.layers().get(layer);
        LayerFormats formats = config.formats(layer);
        Shard.Experts share = shard.experts().orElseThrow();
        int held = share.perLayer().get(layer).size();
        boolean extra = share.extra() && of.extraWidth() > 0;
        add(
                costs,
                Operation.DISPATCH,
                Dispatch.cost(load.rows(), routing(layer).slots(), held + (extra ? 1 : 0)));
        int width = of.expertWidth() / share.parts();
        int extraWidth = of.extraWidth() / share.parts();
        int extraActive = load.extraRows() > 0 ? 1 : 0;
        OperationCost.Shape bank = new OperationCost.ExpertBank(
                load.pairs(), held, load.active(), routing(layer).topK(), width, config.hidden());
        for (Operation operation : List.of(Operation.EXPERT_UP, Operation.EXPERT_DOWN)) {
            if (held > 0) {
                OpCost cost = expert(operation, load.pairs(), load.active(), width, formats.experts());
                costs.add(new OperationCost(operation, cost, bank, formats.experts()));
            }
            if (extra) {
                OpCost cost = expert(operation, load.extraRows(), extraActive, extraWidth, formats.extra());
                costs.add(new OperationCost(operation, cost, OperationCost.Other.OTHER, formats.extra()));
            }
        }
    }

    private OpCost expert(Operation operation, int pairs, long active, int width, Format format) {
        int hidden = config.hidden();
        boolean up = operation == Operation.EXPERT_UP;
        OpCost cost = up
                ? ExpertUp.cost(pairs, 0, width, hidden, config.gated(), DataType.F16)
                : ExpertDown.cost(pairs, 0, width, hidden, DataType.F16);
        long inner = (config.feedForward().matrices() - 1L) * width;
        long bias = !config.feedForward().expertBias() ? 0 : up ? inner : hidden;
        return cost.withStored(active * (format.bytes(up ? inner * hidden : (long) width * hidden) + 4 * bias));
    }

    private static OperationCost product(Operation operation, int rows, int outputs, int inputs, Format format) {
        OpCost cost = Projection.cost(rows, outputs, inputs, DataType.F16);
        return new OperationCost(operation, cost.withStored(rows == 0 ? 0 : format.bytes((long) outputs * inputs)),
                new OperationCost.Product(rows, outputs, inputs), format);
    }

    private void output(List<OperationCost> costs, int rows) {
        int vocabulary = shard.output().orElseThrow().size();
        add(costs, Operation.SELECT_ROWS, SelectRows.cost(rows, config.hidden()));
        add(costs, Operation.RMS_NORM, RmsNorm.cost(rows, config.hidden()));
        costs.add(product(Operation.PROJECTION, rows, vocabulary, config.hidden(), config.outputFormat()));
        add(costs, Operation.ARG_MAX, ArgMax.cost(rows, vocabulary));
    }
}
