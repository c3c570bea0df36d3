package io.maseparation.parallel.simulate;

/**
 * Experts drawn without replacement by loads that were measured, layer by layer. A row draws the same experts under every
 * plan, so that plans are compared on the same work.
 */
final class LoadRouting implements RoutingModel {
    private final double[][] loads;

    /**
     * @param loads for each layer and expert its load, 0 or more
     */
    LoadRouting(double[][] loads) {
        this.loads = loads;
    }

    @Override
    public void choose(long seed, int step, int layer, long row, int[] chosen, int experts) {
        double sum = 0;
        for (double load : loads[layer]) {
            sum += load;
        }
        // An expert that was never seen is not impossible.
        double least = sum > 0 ? sum * 1e-3 / experts : 1;
        // The smallest of exponential variables of these rates: a weighted draw without replacement (Efraimidis and
        // Spirakis, 2006).
        double[] best = new double[chosen.length];
        int filled = 0;
        long state = mix(mix(mix(mix(seed ^ 0x3c6ef372fe94f82bL) + layer) + step) + row);
        for (int expert = 0; expert < experts; expert++) {
            state += 0x9e3779b97f4a7c15L;
            double unit = ((mix(state) >>> 11) + 1) * 0x1p-53;
            double key = -Math.log(unit) / Math.max(least, loads[layer][expert]);
            int at = filled;
            while (at > 0 && key < best[at - 1]) {
                at--;
            }
            if (at < chosen.length) {
                int last = Math.min(filled, chosen.length - 1);
                System.arraycopy(best, at, best, at + 1, last - at);
                System.arraycopy(chosen, at, chosen, at + 1, last - at);
                best[at] = key;
                chosen[at] = expert;
                filled = Math.min(chosen.length, filled + 1);
            }
        }
    }

    @Override
    public String description() {
        return "measured loads";
    }

    /** The finaliser of SplitMix64 (Steele et al., OOPSLA 2014). */
    private static long mix(long z) {
        long a = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        long b = (a ^ (a >>> 27)) * 0x94d049bb133111ebL;
        return b ^ (b >>> 31);
    }
}
