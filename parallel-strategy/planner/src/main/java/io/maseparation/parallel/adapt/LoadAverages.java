package io.maseparation.parallel.adapt;

import java.util.Arrays;

/**
 * Loads of experts as exponentially weighted averages over decode steps: what was long ago counts less. Where a layer's
 * loads have changed by more than chance explains, what was before is forgotten: a mean of both would fit neither.
 */
public final class LoadAverages {
    /** Share of a layer's rows that are at other experts than before, beyond chance, from which on loads are others. */
    private static final double ANOTHER = 0.1;

    /** How many times as far from the average as chance explains. */
    private static final double CHANCE = 3;

    private final double halfLife;
    private double[][] averages = new double[0][];
    private long[][] before = new long[0][];
    private int lastStep;

    /** @param halfLife decode steps after which what was seen counts half, above 0 */
    public LoadAverages(double halfLife) {
        if (!(halfLife > 0)) {
            throw new IllegalArgumentException("a half-life of " + halfLife + " steps");
        }
        this.halfLife = halfLife;
    }

    /**
     * Takes in what was counted since the last time.
     *
     * @param counted for each layer and expert the rows since the start of the run
     * @param step decode steps since then
     */
    public void update(long[][] counted, int step) {
        if (step <= lastStep) {
            return;
        }
        double kept = averages.length == 0 ? 0 : Math.pow(0.5, (step - lastStep) / halfLife);
        if (averages.length == 0) {
            averages = Arrays.stream(counted).map(layer -> new double[layer.length]).toArray(double[][]::new);
            before = Arrays.stream(counted).map(layer -> new long[layer.length]).toArray(long[][]::new);
        }
        for (int layer = 0; layer < counted.length; layer++) {
            double[] rates = new double[counted[layer].length];
            for (int expert = 0; expert < rates.length; expert++) {
                rates[expert] = (double) (counted[layer][expert] - before[layer][expert]) / (step - lastStep);
                before[layer][expert] = counted[layer][expert];
            }
            double past = isAnother(averages[layer], rates, step - lastStep) ? 0 : kept;
            for (int expert = 0; expert < rates.length; expert++) {
                averages[layer][expert] = past * averages[layer][expert] + (1 - past) * rates[expert];
            }
        }
        lastStep = step;
    }

    /**
     * Whether rates of some steps come from another distribution than an average, by their distance in total variation.
     */
    private static boolean isAnother(double[] average, double[] rates, int steps) {
        double before = Arrays.stream(average).sum();
        double now = Arrays.stream(rates).sum();
        if (before == 0 || now == 0) {
            return false;
        }
        double distance = 0;
        double chance = 0;
        for (int expert = 0; expert < rates.length; expert++) {
            double share = average[expert] / before;
            distance += Math.abs(rates[expert] / now - share) / 2;
            // Mean distance of a share among so many rows, normally distributed.
            chance += Math.sqrt(share * (1 - share) / (now * steps) * 2 / Math.PI) / 2;
        }
        return distance > ANOTHER + CHANCE * chance;
    }

    /**
     * The averages.
     *
     * @return for each layer and expert its rows per step
     * @throws IllegalStateException if nothing was taken in yet
     */
    public double[][] rowsPerStep() {
        if (averages.length == 0) {
            throw new IllegalStateException("no loads yet");
        }
        return Arrays.stream(averages).map(double[]::clone).toArray(double[][]::new);
    }
}
