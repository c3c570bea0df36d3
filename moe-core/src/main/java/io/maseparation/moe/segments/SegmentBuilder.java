package io.maseparation.moe.segments;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertBank;
import io.maseparation.kernels.graph.ArgMax;
import io.maseparation.kernels.graph.Clip;
import io.maseparation.kernels.graph.Combine;
import io.maseparation.kernels.graph.DecodeAttention;
import io.maseparation.kernels.graph.Dispatch;
import io.maseparation.kernels.graph.Embedding;
import io.maseparation.kernels.graph.ExpertDown;
import io.maseparation.kernels.graph.ExpertUp;
import io.maseparation.kernels.graph.HeadRmsNorm;
import io.maseparation.kernels.graph.KernelGraph;
import io.maseparation.kernels.graph.KernelTarget;
import io.maseparation.kernels.graph.PrefillAttention;
import io.maseparation.kernels.graph.Projection;
import io.maseparation.kernels.graph.QkvProjection;
import io.maseparation.kernels.graph.ResidualAdd;
import io.maseparation.kernels.graph.RmsNorm;
import io.maseparation.kernels.graph.RopeAppend;
import io.maseparation.kernels.graph.Router;
import io.maseparation.kernels.graph.ScaleByRms;
import io.maseparation.kernels.graph.SelectRows;
import io.maseparation.kernels.graph.SumOfSquares;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Shard.Heads;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Turns segments into task graphs over one rank's buffers.
 *
 * <p>What a later graph of the rank needs (the residual stream and the router's choice) is persisted on the device by
 * every graph and consumed by every graph but the first, so that any order of the rank's micro-batches finds it:
 * TornadoVM hands buffers over from the graph executed last.
 */
final class SegmentBuilder {
    private final ModelWeights weights;
    private final ShardWeights matrices;
    private final ModelConfig config;
    private final Shard shard;
    private final RankArrays b;
    private final DataType kvType;
    private final FloatArray cosSin;
    private final KernelTarget target;
    private final GridScheduler grid;

    SegmentBuilder(
            ModelWeights weights,
            ShardWeights matrices,
            Shard shard,
            RankArrays arrays,
            DataType kvType,
            FloatArray cosSin,
            KernelTarget target,
            GridScheduler grid) {
        this.weights = weights;
        this.matrices = matrices;
        this.config = weights.config();
        this.shard = shard;
        this.b = arrays;
        this.kvType = kvType;
        this.cosSin = cosSin;
        this.target = target;
        this.grid = grid;
    }

    /** The graph of a segment, not yet finished. */
    KernelGraph graph(Segment segment) {
        KernelGraph g = new KernelGraph(segment.name(), target, grid);
        carry(g, true);
        for (Part part : segment.parts()) {
            add(g, part);
        }
        return g;
    }

    /**
     * The graph to execute before all others: it puts on the device what they hand on. Its tasks name the arrays and
     * have no rows to work on.
     */
    ImmutableTaskGraph first() {
        KernelGraph g = new KernelGraph("first", target, grid);
        IntArray none = DeviceArrays.ints(3);
        g.constant(none);
        if (shard.attention().isPresent()) {
            for (Map.Entry<Integer, RankArrays.Slots> e : b.slots.entrySet()) {
                RankArrays.Slots s = e.getValue();
                g.constant(b.x, s.ids(), s.weights(), s.expertOut());
                Combine.add(
                        g,
                        "slots" + e.getKey(),
                        none,
                        s.expertOut(),
                        s.weights(),
                        s.ids(),
                        b.x,
                        e.getKey(),
                        config.hidden(),
                        1f,
                        true);
            }
            if (handsOnQueries()) {
                g.constant(b.qkv);
                g.workspace(b.sums);
                SumOfSquares.add(
                        g,
                        "queries",
                        none,
                        b.qkv,
                        heads().qkvWidth(config),
                        0,
                        heads().queries() * config.headDim(),
                        b.sums,
                        2,
                        0);
            }
        }
        carry(g, false);
        return g.build();
    }

    private boolean handsOnQueries() {
        return config.qkNorm() == QkNorm.WHOLE && heads().parts() > 1;
    }

    private void carry(KernelGraph g, boolean consume) {
        if (shard.attention().isEmpty()) {
            return;
        }
        List<Object> carried = new ArrayList<>(List.of(b.x));
        b.slots.values().forEach(s -> carried.addAll(List.of(s.ids(), s.weights())));
        if (handsOnQueries()) {
            carried.add(b.qkv);
        }
        if (consume) {
            g.consume(carried.toArray());
        }
        g.persist(carried.toArray());
    }

    private void add(KernelGraph g, Part part) {
        switch (part) {
            case Part.Embed() -> {
                g.input(b.step, b.tokens);
                Embedding.add(g, "embed", b.step, b.tokens, matrices.embedding(), b.x,
                        config.numerics().embeddingMultiplier());
            }
            case Part.LoadHidden() -> {
                g.input(b.step, b.received);
                g.constant(b.identity);
                SelectRows.add(g, "load", b.step, b.identity, b.received, b.x, config.hidden());
            }
            case Part.StoreHidden() -> g.output(b.x);
            case Part.Attention(int layer) -> {
                queries(g, layer);
                if (config.qkNorm() == QkNorm.WHOLE) {
                    wholeNorm(g, layer);
                }
                attention(g, layer);
            }
            case Part.AttentionSums(int layer) -> {
                queries(g, layer);
                Heads heads = heads();
                int query = heads.queries() * config.headDim();
                int width = heads.qkvWidth(config);
                SumOfSquares.add(g, "sums_q" + layer, b.step, b.qkv, width, 0, query, b.sums, 2, 0);
                SumOfSquares.add(
                        g, "sums_k" + layer, b.step, b.qkv, width, query, heads.kvs() * config.headDim(), b.sums, 2, 1);
                g.output(b.sums);
            }
            case Part.AttentionRest(int layer) -> {
                g.input(b.step, b.sums);
                scaleBySums(g, layer);
                attention(g, layer);
            }
            case Part.AddReduced() -> {
                g.input(b.step, b.partial);
                ResidualAdd.add(
                        g, "reduced", b.step, b.partial, b.x, config.hidden(), config.numerics().residualMultiplier());
            }
            case Part.Route(int layer, boolean export) -> route(g, layer, export);
            case Part.Experts(int layer, boolean received) -> experts(g, layer, received);
            case Part.Combine(int layer, boolean imported, boolean partial) -> combine(g, layer, imported, partial);
            case Part.Output() -> output(g);
        }
    }

    private Heads heads() {
        return shard.attention().orElseThrow();
    }

    private RankArrays.Slots slots(int layer) {
        return b.slots.get(config.layers().get(layer).routing().slots());
    }

    private LayerWeights layer(int layer) {
        return weights.layers().get(layer);
    }

    private void queries(KernelGraph g, int layer) {
        g.input(b.step);
        g.workspace(b.normed, b.qkv);
        LayerWeights w = layer(layer);
        Heads heads = heads();
        int dim = config.headDim();
        RmsNorm.add(g, "norm_a" + layer, b.step, b.x, w.inputNorm(), b.normed, config.hidden(), config.normEps());
        QkvProjection.add(
                g,
                "qkv" + layer,
                b.step,
                b.normed,
                matrices.q(layer),
                matrices.k(layer),
                matrices.v(layer),
                biasSlice(w.attention().qkvBias(), heads),
                b.qkv,
                config.qkNorm() == QkNorm.NONE ? config.attention().qkvClip() : 0f);
        if (config.qkNorm() == QkNorm.PER_HEAD) {
            int width = heads.qkvWidth(config);
            HeadRmsNorm.add(
                    g, "norm_q" + layer, b.step, b.qkv, w.attention().qNorm(), width, 0, heads.queries(), dim,
                    config.normEps());
            HeadRmsNorm.add(
                    g,
                    "norm_k" + layer,
                    b.step,
                    b.qkv,
                    w.attention().kNorm(),
                    width,
                    heads.queries() * dim,
                    heads.kvs(),
                    dim,
                    config.normEps());
        }
    }

    private void wholeNorm(KernelGraph g, int layer) {
        LayerWeights w = layer(layer);
        int width = config.qkvWidth();
        HeadRmsNorm.add(
                g, "norm_q" + layer, b.step, b.qkv, w.attention().qNorm(), width, 0, 1, config.queryWidth(),
                config.normEps());
        HeadRmsNorm.add(
                g,
                "norm_k" + layer,
                b.step,
                b.qkv,
                w.attention().kNorm(),
                width,
                config.queryWidth(),
                1,
                config.kvWidth(),
                config.normEps());
    }

    private void scaleBySums(KernelGraph g, int layer) {
        LayerWeights w = layer(layer);
        Heads heads = heads();
        int dim = config.headDim();
        int width = heads.qkvWidth(config);
        int query = heads.queries() * dim;
        ScaleByRms.add(
                g,
                "scale_q" + layer,
                b.step,
                b.qkv,
                w.attention().qNorm(),
                heads.queryFrom() * dim,
                width,
                0,
                query,
                b.sums,
                2,
                0,
                config.queryWidth(),
                config.normEps());
        ScaleByRms.add(
                g,
                "scale_k" + layer,
                b.step,
                b.qkv,
                w.attention().kNorm(),
                heads.kvFrom() * dim,
                width,
                query,
                heads.kvs() * dim,
                b.sums,
                2,
                1,
                config.kvWidth(),
                config.normEps());
    }

    private void attention(KernelGraph g, int layer) {
        LayerWeights w = layer(layer);
        Heads heads = heads();
        TornadoNativeArray keys = b.keys.get(layer - shard.firstLayer());
        TornadoNativeArray values = b.values.get(layer - shard.firstLayer());
        int window = config.layers().get(layer).slidingWindow();
        g.input(b.step, b.rowInfo);
        g.constant(cosSin, keys, values);
        g.workspace(b.attention);
        if (config.qkNorm() != QkNorm.NONE && config.attention().qkvClip() > 0) {
            // After the norm, as olmoe does.
            Clip.add(g, "clip" + layer, b.step, b.qkv, heads.qkvWidth(config), config.attention().qkvClip());
        }
        RopeAppend.add(
                g,
                "rope" + layer,
                b.step,
                b.qkv,
                b.rowInfo,
                cosSin,
                kvType,
                keys,
                values,
                heads.queries(),
                heads.kvs(),
                config.headDim());
        DecodeAttention.add(
                g,
                "decode" + layer,
                b.step,
                b.qkv,
                b.rowInfo,
                kvType,
                keys,
                values,
                b.attention,
                heads.queries(),
                heads.kvs(),
                config.headDim(),
                config.attention().scale(),
                window);
        PrefillAttention.add(
                g,
                "prefill" + layer,
                b.step,
                b.qkv,
                b.rowInfo,
                kvType,
                keys,
                values,
                b.attention,
                heads.queries(),
                heads.kvs(),
                config.headDim(),
                config.attention().scale(),
                window);
        boolean whole = heads.parts() == 1;
        // The bias is added once, by the rank of the first slice.
        FloatArray bias = heads.part() == 0 ? w.attention().outputBias() : null;
        Projection.add(
                g,
                "out" + layer,
                b.step,
                b.attention,
                matrices.o(layer),
                bias,
                whole ? b.x : b.partial,
                whole ? config.numerics().residualMultiplier() : 1f,
                whole);
        if (!whole) {
            g.output(b.partial);
        }
    }

    private void route(KernelGraph g, int layer, boolean export) {
        LayerWeights w = layer(layer);
        RankArrays.Slots own = slots(layer);
        g.input(b.step);
        g.workspace(b.h, b.scores);
        RmsNorm.add(g, "norm_e" + layer, b.step, b.x, w.postNorm(), b.h, config.hidden(), config.normEps());
        Router.add(
                g,
                "route" + layer,
                b.step,
                b.h,
                w.router(),
                w.extraGate(),
                own.ids(),
                own.weights(),
                b.scores,
                config.hidden(),
                config.layers().get(layer).routing());
        g.output(own.ids());
        if (export) {
            g.output(b.h);
        }
    }

    private void experts(KernelGraph g, int layer, boolean received) {
        IntArray step = received ? b.receivedStep : b.step;
        FloatArray in = received ? b.receivedX : b.h;
        IntArray ids = received ? b.receivedIds : slots(layer).ids();
        FloatArray out = received ? b.receivedOut : slots(layer).expertOut();
        if (received) {
            g.input(b.receivedStep, b.receivedX, b.receivedIds);
            g.output(b.receivedOut);
        }
        int slots = config.layers().get(layer).routing().slots();
        IntArray groupOf = groupOf(layer);
        List<ExpertBank> banks = ExpertBank.of(matrices.experts(layer), 0);
        int groups = banks.stream().mapToInt(ExpertBank::count).sum();
        g.constant(groupOf);
        g.workspace(b.offsets, b.pairs, b.inner, out);
        Dispatch.add(g, "dispatch" + layer, step, ids, slots, groupOf, groups, b.offsets, b.pairs);
        for (int i = 0; i < banks.size(); i++) {
            ExpertUp.add(
                    g,
                    "up" + layer + "_" + i,
                    in,
                    b.offsets,
                    b.pairs,
                    banks.get(i),
                    b.inner,
                    b.innerStride,
                    slots,
                    config.feedForward().activation());
        }
        for (int i = 0; i < banks.size(); i++) {
            ExpertDown.add(
                    g, "down" + layer + "_" + i, b.inner, b.offsets, b.pairs, banks.get(i), out, b.innerStride);
        }
    }

    /** Local group of each expert of the layer, the extra one last; -1 for those on other ranks. */
    private IntArray groupOf(int layer) {
        int experts = config.layers().get(layer).routing().experts();
        IntArray groupOf = DeviceArrays.ints(experts + 1);
        groupOf.init(-1);
        Shard.Experts share = shard.experts().orElseThrow();
        List<Integer> held = share.perLayer().get(layer);
        for (int i = 0; i < held.size(); i++) {
            groupOf.set(held.get(i), i);
        }
        if (share.extra() && layer(layer).extra() != null) {
            groupOf.set(experts, held.size());
        }
        return groupOf;
    }

    private void combine(KernelGraph g, int layer, boolean imported, boolean partial) {
        g.input(b.step);
        RankArrays.Slots own = slots(layer);
        if (imported) {
            g.input(own.expertOut());
        }
        Combine.add(
                g,
                "combine" + layer,
                b.step,
                own.expertOut(),
                own.weights(),
                own.ids(),
                partial ? b.partial : b.x,
                config.layers().get(layer).routing().slots(),
                config.hidden(),
                partial ? 1f : config.numerics().residualMultiplier(),
                !partial);
        if (partial) {
            g.output(b.partial);
        }
    }

    private void output(KernelGraph g) {
        Shard.Vocabulary vocabulary = shard.output().orElseThrow();
        g.input(b.outputStep, b.outputRows);
        g.workspace(b.outputX, b.outputNormed);
        SelectRows.add(g, "select", b.outputStep, b.outputRows, b.x, b.outputX, config.hidden());
        RmsNorm.add(
                g,
                "norm_f",
                b.outputStep,
                b.outputX,
                weights.finalNorm(),
                b.outputNormed,
                config.hidden(),
                config.normEps());
        Projection.add(
                g,
                "logits",
                b.outputStep,
                b.outputNormed,
                matrices.output(),
                null,
                b.logits,
                config.numerics().logitsScale(),
                false);
        ArgMax.add(g, "best", b.outputStep, b.logits, b.best, vocabulary.size());
        g.output(b.best);
        g.outputOnDemand(b.logits);
    }

    private FloatArray biasSlice(FloatArray bias, Heads heads) {
        if (bias == null || heads.parts() == 1) {
            return bias;
        }
        int dim = config.headDim();
        FloatArray slice = DeviceArrays.floats(heads.qkvWidth(config));
        int key = config.queryWidth();
        int value = key + config.kvWidth();
        int to = copy(bias, heads.queryFrom() * dim, heads.queryTo() * dim, slice, 0);
        to = copy(bias, key + heads.kvFrom() * dim, key + heads.kvTo() * dim, slice, to);
        copy(bias, value + heads.kvFrom() * dim, value + heads.kvTo() * dim, slice, to);
        return slice;
    }

    private static int copy(FloatArray from, int start, int end, FloatArray to, int at) {
        for (int i = start; i < end; i++) {
            to.set(at + i - start, from.get(i));
        }
        return at + end - start;
    }
}
