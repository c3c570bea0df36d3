package io.maseparation.parallel.simulate;

import static io.maseparation.moe.CounterRandom.mix;

import io.maseparation.moe.CounterRandom;

/**
 * Experts drawn without replacement, with probabilities from loads that were measured for each layer. A row draws the
 * same experts under every plan, so that plans are compared on the same work.
 *
 * @param loads [layers, experts]: measured load, at least 0
 */
record LoadRouting(double[][] loads) implements RoutingModel {
    @Override
    public void chooseAll(long seed, int step, int layer, long[] rows, int slots, int[] chosen, int experts) {
        double sum = 0;
        for (double load : loads[layer]) {
            sum += load;
        }
        // An expert that was never visited is not impossible.
        double least = sum > 0 ? sum * 1e-3 / experts : 1;
        double[] rates = new double[experts];
        for (int expert = 0; expert < experts; expert++) {
            rates[expert] = Math.max(least, loads[layer][expert]);
        }
        long start = mix(mix(mix(seed ^ 0x3c6ef372fe94f82bL) + layer) + step);
        int[] ofRow = new int[slots];
        for (int row = 0; row < rows.length; row++) {
            choose(rates, mix(start + rows[row]), ofRow);
            System.arraycopy(ofRow, 0, chosen, row * slots, slots);
        }
    }

    private static void choose(double[] rates, long key, int[] chosen) {
        // The smallest of exponential variables of these rates: a weighted draw without replacement (Efraimidis and
        // Spirakis, 2006).
        double[] best = new double[chosen.length];
        int filled = 0;
        for (int expert = 0; expert < rates.length; expert++) {
            // Above 0, so that its logarithm is finite.
            double unit = CounterRandom.uniform(key, expert) + 0x1p-53;
            double arrival = -Math.log(unit) / rates[expert];
            int at = filled;
            while (at > 0 && arrival < best[at - 1]) {
                at--;
            }
            if (at < chosen.length) {
                int last = Math.min(filled, chosen.length - 1);
                System.arraycopy(best, at, best, at + 1, last - at);
                System.arraycopy(chosen, at, chosen, at + 1, last - at);
                best[at] = arrival;
                chosen[at] = expert;
                filled = Math.min(chosen.length, filled + 1);
            }
        }
    }

    @Override
    public String description() {
        return "measured loads";
    }
}
