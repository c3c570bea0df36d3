package io.maseparation.moe.segments;

import io.maseparation.kernels.DataType;
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
import io.maseparation.kernels.operations.QkvProjection;
import io.maseparation.kernels.operations.ResidualAdd;
import io.maseparation.kernels.operations.RmsNorm;
import io.maseparation.kernels.operations.RopeAppend;
import io.maseparation.kernels.operations.Router;
import io.maseparation.kernels.operations.ScaleByRms;
import io.maseparation.kernels.operations.SelectRows;
import io.maseparation.kernels.operations.SumOfSquares;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * What the tasks of a segment must do, from shapes alone: {@link SegmentBuilder} without weights, task for task, so
 * that a cost model times the very graphs that a device runs. Experts of a rank count as one bank.
 */
public final class SegmentCosts {
    private final ModelConfig config;
    private final Shard shard;
    private final DataType kvType;

    /**
     * @param config model
     * @param shard what of it the rank holds
     * @param kvType format of the KV cache
     */
    public SegmentCosts(ModelConfig config, Shard shard, DataType kvType) {
        this.config = config;
        this.shard = shard;
        this.kvType = kvType;
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
                queries(costs, rows);
                if (config.qkNorm() == QkNorm.WHOLE) {
                    add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, 1, config.queryWidth()));
                    add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, 1, config.kvWidth()));
                }
                attention(costs, layer, shape);
            }
            case Part.AttentionSums(int layer) -> {
                queries(costs, rows);
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
                        new OperationCost.Product(rows, routing(layer).experts(), hidden)));
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
     * own: whole arrays, so that it is the capacity that counts, not the rows of a step.
     */
    public long transferBytes(Segment segment, Capacity capacity) {
        // An array that two parts read goes once.
        Map<Array, Long> arrays = new EnumMap<>(Array.class);
        for (Part part : segment.parts()) {
            transfers(arrays, part, capacity);
        }
        return 4 * arrays.values().stream().mapToLong(n -> n).sum();
    }

    /** What goes between host and device. */
    private enum Array {
        STEP, TOKENS, ROW_INFO, RECEIVED_ROWS, X, SUMS_IN, SUMS_OUT, PARTIAL_IN, PARTIAL_OUT, IDS, H, RECEIVED_STEP, RECEIVED_X, RECEIVED_IDS, RECEIVED_OUT, RECEIVED_WEIGHTS, WEIGHTS, EXPERT_OUT, OUTPUT_STEP, OUTPUT_ROWS, BEST
    }

    private void transfers(Map<Array, Long> arrays, Part part, Capacity capacity) {
        long rows = Math.max(1, capacity.rows());
        long received = capacity.receivedRows();
        long outputs = Math.max(1, capacity.outputRows());
        long hidden = config.hidden();
        if (!(part instanceof Part.StoreHidden) && !(part instanceof Part.Output)
                && !(part instanceof Part.Experts held && held.received())) {
            arrays.put(Array.STEP, 3L);
        }
        switch (part) {
            case Part.Embed() -> arrays.put(Array.TOKENS, rows);
            case Part.LoadHidden() -> arrays.put(Array.RECEIVED_ROWS, rows * hidden);
            case Part.StoreHidden() -> arrays.put(Array.X, rows * hidden);
            case Part.Attention(int layer) -> rest(arrays, rows);
            case Part.AttentionSums(int layer) -> arrays.put(Array.SUMS_OUT, 2 * rows);
            case Part.AttentionRest(int layer) -> {
                arrays.put(Array.SUMS_IN, 2 * rows);
                rest(arrays, rows);
            }
            case Part.AddReduced() -> arrays.put(Array.PARTIAL_IN, rows * hidden);
            case Part.Route(int layer, boolean export, boolean weights) -> {
                arrays.put(Array.IDS, rows * routing(layer).slots());
                if (weights) {
                    arrays.put(Array.WEIGHTS, rows * routing(layer).slots());
                }
                if (export) {
                    arrays.put(Array.H, rows * hidden);
                }
            }
            case Part.Experts(int layer, boolean isReceived, boolean sums) -> {
                if (isReceived) {
                    // Buffers are for the layer with the most slots.
                    arrays.put(Array.RECEIVED_STEP, 3L);
                    arrays.put(Array.RECEIVED_X, Math.max(1, received * hidden));
                    arrays.put(Array.RECEIVED_IDS, Math.max(1, received * config.maxSlots()));
                    arrays.put(Array.RECEIVED_OUT, Math.max(1, received * hidden * (sums ? 1 : config.maxSlots())));
                    if (sums) {
                        arrays.put(Array.RECEIVED_WEIGHTS, Math.max(1, received * config.maxSlots()));
                    }
                }
            }
            case Part.Combine(int layer, boolean imported, boolean partial) -> {
                if (imported) {
                    arrays.put(Array.EXPERT_OUT, rows * hidden * routing(layer).slots());
                }
                if (partial) {
                    arrays.put(Array.PARTIAL_OUT, rows * hidden);
                }
            }
            case Part.Output() -> {
                arrays.put(Array.OUTPUT_STEP, 3L);
                arrays.put(Array.OUTPUT_ROWS, outputs);
                arrays.put(Array.BEST, outputs);
            }
        }
    }

    private void rest(Map<Array, Long> arrays, long rows) {
        arrays.put(Array.ROW_INFO, 4 * rows);
        if (heads().parts() > 1) {
            arrays.put(Array.PARTIAL_OUT, rows * config.hidden());
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

    private void queries(List<OperationCost> costs, int rows) {
        Shard.Heads heads = heads();
        add(costs, Operation.RMS_NORM, RmsNorm.cost(rows, config.hidden()));
        costs.add(new OperationCost(
                Operation.QKV_PROJECTION,
                QkvProjection.cost(rows, heads.qkvWidth(config), config.hidden(), config.weightType()),
                new OperationCost.Product(rows, heads.qkvWidth(config), config.hidden())));
        if (config.qkNorm() == QkNorm.PER_HEAD) {
            add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, heads.queries(), config.headDim()));
            add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, heads.kvs(), config.headDim()));
        }
    }

    private void attention(List<OperationCost> costs, int layer, StepShape shape) {
        int rows = shape.rows();
        Shard.Heads heads = heads();
        int dim = config.headDim();
        if (config.qkNorm() != QkNorm.NONE && config.attention().qkvClip() > 0) {
            add(costs, Operation.CLIP, Clip.cost(rows, heads.qkvWidth(config)));
        }
        add(costs, Operation.ROPE_APPEND, RopeAppend.cost(kvType, rows, heads.queries(), heads.kvs(), dim));
        int window = config.layers().get(layer).slidingWindow();
        OpCost decode = OpCost.ZERO;
        OpCost prefill = OpCost.ZERO;
        int longest = 0;
        long positions = 0;
        for (StepShape.Piece piece : shape.pieces()) {
            if (shape.prefill()) {
                prefill = prefill.plus(PrefillAttention.cost(
                        kvType, piece.context() - piece.rows(), piece.rows(), heads.queries(), heads.kvs(), dim,
                        window));
            } else {
                long seen = window > 0 ? Math.min(window, piece.context()) : piece.context();
                longest = Math.max(longest, (int) seen);
                positions += piece.rows() * seen;
                decode = decode.plus(DecodeAttention.cost(
                        kvType, piece.rows(), piece.rows() * seen, heads.queries(), heads.kvs(), dim));
            }
        }
        costs.add(new OperationCost(Operation.DECODE_ATTENTION, decode, longest, new OperationCost.Attention(
                rows * heads.kvs(), heads.queries() / Math.max(1, heads.kvs()), positions / Math.max(1.0, rows))));
        add(costs, Operation.PREFILL_ATTENTION, prefill);
        costs.add(projection(rows, config.hidden(), heads.queries() * dim));
    }

    private void experts(List<OperationCost> costs, int layer, StepShape shape) {
        StepShape.ExpertLoad load = shape.experts();
        ModelConfig.Layer of = config.layers().get(layer);
        Shard.Experts share = shard.experts().orElseThrow();
        int held = share.perLayer().get(layer).size();
        boolean extra = share.extra() && of.extraWidth() > 0;
        int hidden = config.hidden();
        add(
                costs,
                Operation.DISPATCH,
                Dispatch.cost(load.rows(), routing(layer).slots(), held + (extra ? 1 : 0)));
        int width = of.expertWidth() / share.parts();
        int extraWidth = of.extraWidth() / share.parts();
        int extraActive = load.extraRows() > 0 ? 1 : 0;
        OperationCost.Shape bank = new OperationCost.ExpertBank(load.pairs(), held, width, hidden);
        if (held > 0) {
            costs.add(new OperationCost(Operation.EXPERT_UP, up(load.pairs(), load.active(), width), bank));
        }
        if (extra) {
            add(costs, Operation.EXPERT_UP, up(load.extraRows(), extraActive, extraWidth));
        }
        if (held > 0) {
            costs.add(new OperationCost(
                    Operation.EXPERT_DOWN,
                    ExpertDown.cost(load.pairs(), load.active(), width, hidden, config.weightType()),
                    bank));
        }
        if (extra) {
            add(
                    costs,
                    Operation.EXPERT_DOWN,
                    ExpertDown.cost(load.extraRows(), extraActive, extraWidth, hidden, config.weightType()));
        }
    }

    private OperationCost projection(int rows, int outputs, int inputs) {
        return new OperationCost(
                Operation.PROJECTION, Projection.cost(rows, outputs, inputs, config.weightType()),
                new OperationCost.Product(rows, outputs, inputs));
    }

    private OpCost up(int pairs, int active, int width) {
        return ExpertUp.cost(pairs, active, width, config.hidden(), config.gated(), config.weightType());
    }

    private void output(List<OperationCost> costs, int rows) {
        int vocabulary = shard.output().orElseThrow().size();
        add(costs, Operation.SELECT_ROWS, SelectRows.cost(rows, config.hidden()));
        add(costs, Operation.RMS_NORM, RmsNorm.cost(rows, config.hidden()));
        costs.add(projection(rows, vocabulary, config.hidden()));
        add(costs, Operation.ARG_MAX, ArgMax.cost(rows, vocabulary));
    }
}
