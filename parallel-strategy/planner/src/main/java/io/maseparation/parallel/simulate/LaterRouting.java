package io.maseparation.parallel.simulate;

/** Another routing from some step on: for steps that are simulated in pieces. */
final class LaterRouting implements RoutingModel {
    private final RoutingModel of;
    private final int first;

    LaterRouting(RoutingModel of, int first) {
        this.of = of;
        this.first = first;
    }

    private int at(int step) {
        return step < 0 ? step : step + first;
    }

    @Override
    public void chooseAll(long seed, int step, int layer, long[] rows, int slots, int[] chosen, int experts) {
        of.chooseAll(seed, at(step), layer, rows, slots, chosen, experts);
    }

    @Override
    public String description() {
        return of.description();
    }
}
