package io.maseparation.moe;

/**
 * Which of a model's matrices somebody reads. Others need neither be made nor read; norms, biases and routers are
 * always there.
 */
public interface Wanted {
    /** All of them. */
    Wanted ALL = new Wanted() {
        @Override
        public boolean embedding() {
            return true;
        }

        @Override
        public boolean output() {
            return true;
        }

        @Override
        public boolean attention(int layer) {
            return true;
        }

        @Override
        public boolean expert(int layer, int expert) {
            return true;
        }

        @Override
        public boolean extra(int layer) {
            return true;
        }
    };

    /** {@return whether the embedding is read} */
    boolean embedding();

    /** {@return whether the output projection is read} */
    boolean output();

    /**
     * {@return whether a layer's projections of queries, keys, values and output are read}
     *
     * @param layer index of the layer
     */
    boolean attention(int layer);

    /**
     * {@return whether a routed expert is read}
     *
     * @param layer index of the layer
     * @param expert index of the expert
     */
    boolean expert(int layer, int expert);

    /**
     * {@return whether a layer's shared expert, or the feed-forward of a dense layer, is read}
     *
     * @param layer index of the layer
     */
    boolean extra(int layer);
}
