package io.maseparation.moe.segments;

import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.operations.Clip;
import io.maseparation.kernels.operations.DecodeAttention;
import io.maseparation.kernels.operations.HeadRmsNorm;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.PrefillAttention;
import io.maseparation.kernels.operations.Projection;
import io.maseparation.kernels.operations.QkvProjection;
import io.maseparation.kernels.operations.RmsNorm;
import io.maseparation.kernels.operations.RopeAppend;
import io.maseparation.kernels.operations.ScaleByRms;
import io.maseparation.kernels.operations.SumOfSquares;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.segments.Shard.Heads;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Adds the tasks of attention to a graph: queries, keys, values, their norms, the KV cache, the output projection. */
final class AttentionTasks {
    private final RankContext rank;
    private final ModelConfig config;
    private final RankArrays b;

    AttentionTasks(RankContext rank) {
        this.rank = rank;
        config = rank.config();
        b = rank.arrays();
    }

    /** All of a layer's attention. */
    void whole(KernelGraph g, int layer) {
        queries(g, layer);
        if (config.qkNorm() == QkNorm.WHOLE) {
            wholeNorm(g, layer);
        }
        attendAndProject(g, layer);
    }

    /** Attention up to the sums of squares that ranks add up, where a norm spans the heads of all of them. */
    void sums(KernelGraph g, int layer) {
        queries(g, layer);
        Heads heads = rank.heads();
        int query = heads.queries() * config.headDim();
        int width = heads.qkvWidth(config);
        SumOfSquares.add(g, "sums_q" + layer, b.step, b.qkv, width, 0, query, b.sums, 2, 0);
        SumOfSquares.add(g, "sums_k" + layer, b.step, b.qkv, width, query, heads.kvs() * config.headDim(), b.sums,
                2, 1);
        g.output(b.sums);
    }

    /** The rest of the attention, from the sums of all ranks on. */
    void rest(KernelGraph g, int layer) {
        g.input(b.step, b.sums);
        scaleBySums(g, layer);
        attendAndProject(g, layer);
    }

    private void queries(KernelGraph g, int layer) {
        g.input(b.step);
        g.workspace(b.normed, b.qkv);
        LayerWeights w = rank.layer(layer);
        ShardWeights.Attention own = rank.matrices().attention(layer);
        Heads heads = rank.heads();
        int dim = config.headDim();
        RmsNorm.add(g, "norm_a" + layer, b.step, b.x, w.inputNorm(), b.normed, config.hidden(), config.normEps());
        QkvProjection.add(g, "qkv" + layer, b.step, b.normed, own.q(), own.k(), own.v(),
                biasSlice(w.attention().qkvBias(), heads), b.qkv,
                config.qkNorm() == QkNorm.NONE ? config.attention().qkvClip() : 0f);
        if (config.qkNorm() == QkNorm.PER_HEAD) {
            int width = heads.qkvWidth(config);
            HeadRmsNorm.add(g, "norm_q" + layer, b.step, b.qkv, norm(w.attention().qNorm()), width, 0, heads.queries(),
                    dim,
                    config.normEps());
            HeadRmsNorm.add(g, "norm_k" + layer, b.step, b.qkv, norm(w.attention().kNorm()), width,
                    heads.queries() * dim,
                    heads.kvs(), dim, config.normEps());
        }
    }

    private void wholeNorm(KernelGraph g, int layer) {
        LayerWeights w = rank.layer(layer);
        int width = config.qkvWidth();
        HeadRmsNorm.add(g, "norm_q" + layer, b.step, b.qkv, norm(w.attention().qNorm()), width, 0, 1,
                config.queryWidth(),
                config.normEps());
        HeadRmsNorm.add(g, "norm_k" + layer, b.step, b.qkv, norm(w.attention().kNorm()), width, config.queryWidth(), 1,
                config.kvWidth(), config.normEps());
    }

    private void scaleBySums(KernelGraph g, int layer) {
        LayerWeights w = rank.layer(layer);
        Heads heads = rank.heads();
        int dim = config.headDim();
        int width = heads.qkvWidth(config);
        int query = heads.queries() * dim;
        ScaleByRms.add(g, "scale_q" + layer, b.step, b.qkv, norm(w.attention().qNorm()), heads.queryFrom() * dim, width,
                0,
                query, b.sums, 2, 0, config.queryWidth(), config.normEps());
        ScaleByRms.add(g, "scale_k" + layer, b.step, b.qkv, norm(w.attention().kNorm()), heads.kvFrom() * dim, width,
                query,
                heads.kvs() * dim, b.sums, 2, 1, config.kvWidth(), config.normEps());
    }

    private void attendAndProject(KernelGraph g, int layer) {
        LayerWeights w = rank.layer(layer);
        Heads heads = rank.heads();
        KvCache cache = b.caches.get(layer - rank.shard().firstLayer());
        int window = config.layers().get(layer).slidingWindow();
        g.input(b.step, b.rowInfo);
        g.constant(rank.cosSin());
        g.constant(cache.keys().toArray());
        g.constant(cache.values().toArray());
        g.workspace(b.attention);
        if (config.qkNorm() != QkNorm.NONE && config.attention().qkvClip() > 0) {
            // After the norm, as olmoe does.
            Clip.add(g, "clip" + layer, b.step, b.qkv, heads.qkvWidth(config), config.attention().qkvClip());
        }
        RopeAppend.add(g, "rope" + layer, b.step, b.qkv, b.rowInfo, rank.cosSin(), cache, heads.queries(),
                config.attention().rope().pairs(config.headDim()));
        DecodeAttention.add(g, "decode" + layer, b.step, b.qkv, b.rowInfo, cache, b.attention,
                heads.queries(), config.attention().scale(), window);
        PrefillAttention.add(g, "prefill" + layer, b.step, b.qkv, b.rowInfo, cache, b.attention,
                heads.queries(), config.attention().scale(), window);
        boolean whole = heads.parts() == 1;
        // The bias is added once, by the rank of the first slice.
        FloatArray bias = heads.part() == 0 ? w.attention().outputBias() : null;
        Projection.add(g, "out" + layer, b.step, b.attention, rank.matrices().attention(layer).o(), bias,
                whole ? b.x : b.partial, whole ? config.numerics().residualMultiplier() : 1f, whole);
        if (!whole) {
            g.outputRows(b.step, config.hidden(), b.partial);
        }
    }

    private static FloatArray norm(@Nullable FloatArray weights) {
        return Objects.requireNonNull(weights, "a model with norms of queries and keys has their weights");
    }

    private @Nullable FloatArray biasSlice(@Nullable FloatArray bias, Heads heads) {
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
