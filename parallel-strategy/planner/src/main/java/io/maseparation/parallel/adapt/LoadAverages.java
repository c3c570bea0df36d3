package io.maseparation.parallel.adapt;

import java.util.Arrays;

/**
 * Loads of experts as exponentially weighted averages over decode steps: older steps count less. If a layer's loads
 * have changed by more than chance explains, older steps are forgotten, since a mean of both would fit neither.
 */
public final class LoadAverages {
    /** Share of a layer's rows, beyond chance, that must go to other experts for its loads to count as changed. */
    private static final double ANOTHER = 0.1;

    /** Factor of the distance from the average that chance explains. */
    private static final double CHANCE = 3;

    private final double halfLife;
    private double[][] averages = new double[0][];
    private long[][] before = new long[0][];
    private int lastStep;

    /**
     * Averages without any loads yet.
     *
     * @param halfLife decode steps after which a load counts half, above 0
     * @throws IllegalArgumentException if the half-life is not above 0
     */
    public LoadAverages(double halfLife) {
        if (!(halfLife > 0)) {
            throw new IllegalArgumentException("the half-life must be above 0 steps, is " + halfLife);
        }
        this.halfLife = halfLife;
    }

    /**
     * Adds what was counted since the last call.
     *
     * @param counted [layers, experts]: rows since the start of the run
     * @param step decode steps since the start of the run
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
     * Whether the rates of some steps come from another distribution than the average: by their total variation
     * distance.
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
            // Mean distance of an expert's share of this many rows from its expectation, by the normal distribution.
            chance += Math.sqrt(share * (1 - share) / (now * steps) * 2 / Math.PI) / 2;
        }
        return distance > ANOTHER + CHANCE * chance;
    }

    /**
     * The averages.
     *
     * @return [layers, experts]: rows per step
     * @throws IllegalStateException if nothing was added yet
     */
    public double[][] rowsPerStep() {
        if (averages.length == 0) {
            throw new IllegalStateException("no loads yet");
        }
        return Arrays.stream(averages).map(double[]::clone).toArray(double[][]::new);
    }
}
