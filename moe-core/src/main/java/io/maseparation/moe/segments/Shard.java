package io.maseparation.moe.segments;

import io.maseparation.kernels.ExpertBanks;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.Routing;
import io.maseparation.moe.AttentionSize;
import io.maseparation.moe.Format;
import io.maseparation.moe.LayerFormats;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Wanted;
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

        /**
         * Slice {@code part} of {@code parts} equal ones; key/value heads are repeated where there are fewer than
         * slices.
         */
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
            return AttentionSize.projectedWidth(config, queries(), kvs());
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

    /** The matrices that the shard has a part of. */
    public Wanted wanted() {
        return new Wanted() {
            @Override
            public boolean embedding() {
                return embedding;
            }

            @Override
            public boolean output() {
                return output.isPresent();
            }

            private boolean has(int layer) {
                return firstLayer <= layer && layer < endLayer;
            }

            @Override
            public boolean attention(int layer) {
                return has(layer) && attention.isPresent();
            }

            @Override
            public boolean expert(int layer, int expert) {
                return has(layer) && experts.isPresent() && experts.get().perLayer().get(layer).contains(expert);
            }

            @Override
            public boolean extra(int layer) {
                return has(layer) && experts.isPresent() && experts.get().extra();
            }
        };
    }

    /**
     * The experts of a layer that the rank holds, in the order of its local groups: routed ones, then the extra one.
     */
    public ExpertBanks expertsOf(ModelWeights weights, int layer) {
        Experts share = experts.orElseThrow();
        LayerWeights all = weights.layers().get(layer);
        ExpertBanks held = all.experts().select(share.perLayer().get(layer)).map(e -> slice(e, share));
        return share.extra() && all.extra() != null ? held.plus(slice(all.extra(), share)) : held;
    }

    /**
     * Bytes of all weights in the shard of a model of this shape: large matrices in their formats; norms, biases and
     * routers in fp32. A tied embedding that is also the output projection counts once.
     */
    public long weightBytes(ModelConfig config) {
        long hidden = config.hidden();
        ModelConfig.FeedForward feedForward = config.feedForward();
        long bytes = embedding ? hidden * config.vocab() * config.weightType().bytes() : 0;
        for (int layer = firstLayer; layer < endLayer; layer++) {
            ModelConfig.Layer l = config.layers().get(layer);
            LayerFormats formats = config.formats(layer);
            if (attention.isPresent()) {
                bytes += attentionBytes(config, l, formats.attention(), attention.get());
            }
            if (experts.isPresent()) {
                Experts share = experts.get();
                long column = feedForward.matrices() * hidden;
                int width = l.expertWidth() / share.parts();
                long expert = formats.experts().bytes(column * width)
                        + 4 * feedForward.biasElements(width, config.hidden());
                bytes += share.perLayer().get(layer).size() * expert;
                if (share.extra() && l.routing().extra() != Routing.Extra.NONE) {
                    bytes += formats.extra().bytes(column * (l.extraWidth() / share.parts()));
                }
            }
        }
        if (output.isPresent()) {
            if (!(embedding && config.vocabulary().tied())) {
                bytes += config.outputFormat().bytes(hidden * output.get().size());
            }
            bytes += 4 * hidden;
        }
        return bytes;
    }

    private static long attentionBytes(ModelConfig config, ModelConfig.Layer layer, Format format, Heads heads) {
        long hidden = config.hidden();
        long matrices = AttentionSize.matrixElements(config, heads.queries(), heads.kvs());
        long small = 2 * hidden + AttentionSize.smallElements(config)
                + layer.routing().experts() * (hidden + (config.feedForward().routerBias() ? 1 : 0));
        if (layer.routing().extra() == Routing.Extra.SIGMOID_GATE) {
            small += hidden;
        }
        if (config.attention().qkvBias()) {
            small += heads.qkvWidth(config);
        }
        if (config.attention().outputBias() && heads.part() == 0) {
            small += hidden;
        }
        small += switch (config.qkNorm()) {
            case NONE -> 0;
            case PER_HEAD -> 2 * config.headDim();
            case WHOLE -> config.queryWidth() + config.kvWidth();
        };
        return format.bytes(matrices) + 4 * small;
    }

    private static ExpertWeights slice(ExpertWeights expert, Experts share) {
        if (share.parts() == 1) {
            return expert;
        }
        int width = expert.width() / share.parts();
        return expert.widthRange(share.part() * width, (share.part() + 1) * width);
    }
}
