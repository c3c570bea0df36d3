package io.maseparation.parallel.simulate;

/**
 * Another routing from some step on: for steps that are simulated in pieces.
 *
 * @param of the routing
 * @param first its step that is step 0 here
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
