package io.maseparation.parallel.simulate;

/** How rows choose experts. The same seed gives a token the same experts under every plan. */
public interface RoutingModel {

    /**
     * The experts of one row.
     *
     * @param seed of the run
     * @param step decode step, or −1 − chunk for prefill
     * @param layer layer of the model
     * @param row index of the sequence, or of the prompt token
     * @param chosen filled with as many distinct experts as it is long
     * @param experts number of experts of the layer; at least {@code chosen.length}
     */
    void choose(long seed, int step, int layer, long row, int[] chosen, int experts);

    /** What it is, in words: "uniform", "zipf:1.2" or a file. */
    String description();

    /** Every expert equally likely. */
    static RoutingModel uniform() {
        return new ZipfRouting(0);
    }

    /**
     * The same choices, drawn once: for many simulations of the same batch. Safe for several threads.
     *
     * @param rows sequences whose choices are kept, for as long as the result lives
     */
    default RoutingModel remembering(int rows) {
        return new RememberedRouting(this, rows);
    }
}
