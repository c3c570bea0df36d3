package io.maseparation.moe.segments;

import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import java.util.List;
import java.util.Optional;

/**
 * The part of a model that one rank holds.
 *
 * @param firstLayer first layer, inclusive
 * @param endLayer last layer, exclusive
 * @param attention heads of those layers, if the rank computes attention
 * @param experts experts of those layers, if the rank computes experts
 * @param embedding whether the rank turns tokens into activations
 * @param output rows of the output projection, if the rank computes logits
 */
public record Shard(
        int firstLayer,
        int endLayer,
        Optional<Heads> attention,
        Optional<Experts> experts,
        boolean embedding,
        Optional<Vocabulary> output) {

    /**
     * A slice of the attention heads.
     *
     * @param queryFrom first query head
     * @param queryTo end of the query heads
     * @param kvFrom first key/value head
     * @param kvTo end of the key/value heads
     * @param part index of the slice among the ranks that split the heads; 0 also adds the output bias
     * @param parts number of slices; 1 means that the rank's output is complete
     */
    public record Heads(int queryFrom, int queryTo, int kvFrom, int kvTo, int part, int parts) {

        /** Slice {@code part} of {@code parts} equal ones; key/value heads are repeated where there are fewer than slices. */
        public static Heads slice(ModelConfig config, int part, int parts) {
            int queries = config.heads() / parts;
            int from = part * queries;
            int group = config.heads() / config.kvHeads();
            return new Heads(from, from + queries, from / group, Math.ceilDiv(from + queries, group), part, parts);
        }

        /** Number of query heads. */
        public int queries() {
            return queryTo - queryFrom;
        }

        /** Number of key/value heads. */
        public int kvs() {
            return kvTo - kvFrom;
        }

        /** Width of the rank's fused query, key and value buffer. */
        public int qkvWidth(ModelConfig config) {
            return (queries() + 2 * kvs()) * config.headDim();
        }
    }

    /**
     * A share of the experts.
     *
     * @param perLayer for each layer of the model the routed experts held, ascending; empty lists outside the shard
     * @param extra whether the rank holds the shared expert, or the feed-forward of dense layers
     * @param part index of the slice of each expert's inner width
     * @param parts number of slices; 1 means whole experts
     */
    public record Experts(List<List<Integer>> perLayer, boolean extra, int part, int parts) {
        public Experts {
            perLayer = perLayer.stream().map(List::copyOf).toList();
        }
    }

    /**
     * Rows of the output projection.
     *
     * @param from first token
     * @param to end of the tokens
     */
    public record Vocabulary(int from, int to) {
        /** Number of tokens. */
        public int size() {
            return to - from;
        }
    }

    /** Whether the shard has a layer. */
    public boolean hasLayer(int layer) {
        return layer >= firstLayer && layer < endLayer;
    }

    /** The experts of a layer that the rank holds, in the order of its local groups: routed ones, then the extra one. */
    public List<ExpertWeights> expertsOf(ModelWeights weights, int layer) {
        Experts share = experts.orElseThrow();
        LayerWeights all = weights.layers().get(layer);
        List<ExpertWeights> held = new java.util.ArrayList<>();
        for (int expert : share.perLayer().get(layer)) {
            held.add(slice(all.experts().get(expert), share));
        }
        if (share.extra() && all.extra() != null) {
            held.add(slice(all.extra(), share));
        }
        return held;
    }

    /** Bytes of all weights in the shard of a model of this shape. */
    public long weightBytes(ModelConfig config) {
        int element = config.weightType().bytes();
        long hidden = config.hidden();
        long bytes = embedding ? hidden * config.vocab() * element : 0;
        for (int layer = firstLayer; layer < endLayer; layer++) {
            ModelConfig.Layer l = config.layers().get(layer);
            if (attention.isPresent()) {
                Heads heads = attention.get();
                bytes += (2L * heads.queries() + 2L * heads.kvs()) * config.headDim() * hidden * element;
                bytes += 4 * (2 * hidden + l.routing().experts() * hidden);
            }
            if (experts.isPresent()) {
                long matrix = (config.gated() ? 3 : 2) * hidden * element;
                Experts share = experts.get();
                bytes += matrix * share.perLayer().get(layer).size() * l.expertWidth() / share.parts();
                bytes += share.extra() ? matrix * l.extraWidth() / share.parts() : 0;
            }
        }
        if (output.isPresent()) {
            bytes += hidden * output.get().size() * element + 4 * hidden;
        }
        return bytes;
    }

    /** Bytes of all weights in the shard, as stored. */
    public long weightBytes(ModelWeights weights) {
        ModelConfig config = weights.config();
        long bytes = embedding ? weights.embedding().bytes() : 0;
        for (int layer = firstLayer; layer < endLayer; layer++) {
            LayerWeights all = weights.layers().get(layer);
            if (attention.isPresent()) {
                bytes += attentionBytes(config, all, attention.get());
            }
            if (experts.isPresent()) {
                for (ExpertWeights expert : expertsOf(weights, layer)) {
                    bytes += expert.bytes();
                }
            }
        }
        if (output.isPresent()) {
            // Tied embeddings are one matrix, held once.
            if (!(embedding && config.tiedEmbeddings())) {
                bytes += weights.output().rowRange(output.get().from(), output.get().to()).bytes();
            }
            bytes += 4L * config.hidden();
        }
        return bytes;
    }

    private static long attentionBytes(ModelConfig config, LayerWeights w, Heads heads) {
        int dim = config.headDim();
        long bytes = w.q().rowRange(heads.queryFrom() * dim, heads.queryTo() * dim).bytes()
                + w.k().rowRange(heads.kvFrom() * dim, heads.kvTo() * dim).bytes()
                + w.v().rowRange(heads.kvFrom() * dim, heads.kvTo() * dim).bytes()
                + outputSlice(config, w, heads).bytes();
        long small = (long) w.inputNorm().getSize() + w.postNorm().getSize();
        if (w.router() != null) {
            small += w.router().getSize();
        }
        if (w.extraGate() != null) {
            small += w.extraGate().getSize();
        }
        if (w.qkvBias() != null) {
            small += heads.qkvWidth(config);
        }
        if (w.outputBias() != null && heads.part() == 0) {
            small += config.hidden();
        }
        if (w.qNorm() != null) {
            small += w.qNorm().getSize() + w.kNorm().getSize();
        }
        return bytes + 4 * small;
    }

    static WeightMatrix outputSlice(ModelConfig config, LayerWeights w, Heads heads) {
        return w.o().colRange(heads.queryFrom() * config.headDim(), heads.queryTo() * config.headDim());
    }

    private static ExpertWeights slice(ExpertWeights expert, Experts share) {
        if (share.parts() == 1) {
            return expert;
        }
        int width = expert.width() / share.parts();
        return expert.widthRange(share.part() * width, (share.part() + 1) * width);
    }
}
