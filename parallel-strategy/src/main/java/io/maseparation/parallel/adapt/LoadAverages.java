package io.maseparation.parallel.adapt;

import java.util.Arrays;

/** Loads of experts as exponentially weighted averages over decode steps: what was long ago counts less. */
public final class LoadAverages {
    private final double halfLife;
    private double[][] averages;
    private long[][] before;
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
        double kept = averages == null ? 0 : Math.pow(0.5, (step - lastStep) / halfLife);
        if (averages == null) {
            averages = new double[counted.length][];
            before = new long[counted.length][];
            for (int layer = 0; layer < counted.length; layer++) {
                averages[layer] = new double[counted[layer].length];
                before[layer] = new long[counted[layer].length];
            }
        }
        for (int layer = 0; layer < counted.length; layer++) {
            for (int expert = 0; expert < counted[layer].length; expert++) {
                double rate = (double) (counted[layer][expert] - before[layer][expert]) / (step - lastStep);
                averages[layer][expert] = kept * averages[layer][expert] + (1 - kept) * rate;
                before[layer][expert] = counted[layer][expert];
            }
        }
        lastStep = step;
    }

    /**
     * The averages.
     *
     * @return for each layer and expert its rows a step
     * @throws IllegalStateException if nothing was taken in yet
     */
    public double[][] rowsPerStep() {
        if (averages == null) {
            throw new IllegalStateException("no loads yet");
        }
        return Arrays.stream(averages).map(double[]::clone).toArray(double[][]::new);
    }
}
