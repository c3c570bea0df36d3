package io.maseparation.parallel.simulate;

import io.maseparation.moe.CounterRandom;
import java.util.Locale;

/** Popularities of {@link ZipfRouting} that are assigned to experts anew after a fixed number of decode steps. */
final class DriftingRouting implements RoutingModel {
    private final double exponent;
    private final int steps;
    private final ZipfRouting popularity;

    DriftingRouting(double exponent, int steps) {
        if (steps < 1) {
            throw new IllegalArgumentException("the number of steps must be at least 1, is " + steps);
        }
        this.exponent = exponent;
        this.steps = steps;
        popularity = new ZipfRouting(exponent);
    }

    @Override
    public void chooseAll(long seed, int step, int layer, long[] rows, int slots, int[] chosen, int experts) {
        long ofPeriod = seed + CounterRandom.GOLDEN * (Math.max(0, step) / steps);
        popularity.chooseAll(ofPeriod, step, layer, rows, slots, chosen, experts);
    }

    @Override
    public String description() {
        return String.format(Locale.ROOT, "drift:%s:%d", exponent, steps);
    }
}
