package io.maseparation.moe;

/** What attention holds and computes, for some of the heads of a model. */
public final class AttentionSize {
    private AttentionSize() {}

    /**
     * {@return elements of the matrices of some heads}
     *
     * @param config model
     * @param queries query heads
     * @param kvs key/value heads
     */
    public static long matrixElements(ModelConfig config, int queries, int kvs) {
        long hidden = config.hidden();
        long dim = config.headDim();
        return config.attention().heads().latent()
                .map(l -> (l.queryRank() > 0 ? (hidden + queries * dim) * l.queryRank() : hidden * queries * dim)
                        + hidden * l.cached()
                        + (long) l.rank() * queries * (l.plain() + l.value())
                        + hidden * queries * l.value())
                .orElse(2L * (queries + kvs) * dim * hidden);
    }

    /** {@return elements of the matrices of all heads} */
    public static long matrixElements(ModelConfig config) {
        return matrixElements(config, config.heads(), config.kvHeads());
    }

    /**
     * {@return weights of a layer beside matrices, biases and the norms on queries and keys}
     *
     * @param config model
     */
    public static int smallElements(ModelConfig config) {
        ModelConfig.Heads heads = config.attention().heads();
        return (heads.sinks() ? heads.query() : 0) + heads.latent().map(l -> l.queryRank() + l.rank()).orElse(0);
    }

    /**
     * {@return elements that the cache has for a position in a layer}
     *
     * @param config model
     * @param kvs key/value heads
     */
    public static int cachedElements(ModelConfig config, int kvs) {
        return config.attention().heads().latent().map(Latent::cached).orElse(2 * kvs * config.headDim());
    }

    /**
     * {@return bytes that the cache has for a position in a layer, with all heads}
     *
     * @param config model
     * @param format format of the cache
     */
    public static long cachedBytes(ModelConfig config, Format format) {
        return format.bytes(cachedElements(config, config.kvHeads()));
    }

    /**
     * {@return floating-point operations of a row of queries and a position that it attends to}
     *
     * @param config model
     * @param queries query heads
     */
    public static long positionFlops(ModelConfig config, int queries) {
        return config.attention().heads().latent()
                .map(l -> 2L * queries * (l.cached() + l.rank()))
                .orElse(4L * queries * config.headDim());
    }

    /**
     * {@return columns of the buffer of queries, keys and values}
     *
     * @param config model
     * @param queries query heads
     * @param kvs key/value heads
     */
    public static int projectedWidth(ModelConfig config, int queries, int kvs) {
        return config.attention().heads().latent()
                .map(l -> l.queryRank() + (queries + 1) * l.cached())
                .orElse((queries + 2 * kvs) * config.headDim());
    }

    /**
     * {@return columns of the attention's result}
     *
     * @param config model
     * @param queries query heads
     */
    public static int attendedWidth(ModelConfig config, int queries) {
        return queries * config.attention().heads().latent().map(Latent::rank).orElse(config.headDim());
    }
}
