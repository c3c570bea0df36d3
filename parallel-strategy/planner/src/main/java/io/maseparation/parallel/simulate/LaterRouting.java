package io.maseparation.parallel.simulate;

/**
 * A routing with steps counted from a later one on, for runs that are simulated in pieces.
 *
 * @param of the routing
 * @param first the step of that routing which is step 0 here
 */
record LaterRouting(RoutingModel of, int first) implements RoutingModel {
    @Override
    public void chooseAll(long seed, int step, int layer, long[] rows, int slots, int[] chosen, int experts) {
        of.chooseAll(seed, step < 0 ? step : step + first, layer, rows, slots, chosen, experts);
    }

    @Override
    public String description() {
        return of.description();
    }
}
