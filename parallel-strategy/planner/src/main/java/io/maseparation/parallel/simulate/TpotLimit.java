package io.maseparation.parallel.simulate;

/**
 * Tells when a run is sure to have a mean time between tokens above a limit: what is measured lasts from the last token
 * of the warm-up to the last token of all, which is not before now where it has not come yet.
 */
final class TpotLimit {
    private final Batches batches;
    private final int warmup;
    private final double most;
    private double sum;
    private double open;
    private double until = Double.POSITIVE_INFINITY;

    /** @param seconds the limit, without the engine's own part of a step; infinite for none */
    TpotLimit(Scenario scenario, Batches batches, double seconds) {
        this.batches = batches;
        warmup = scenario.warmup();
        most = seconds * scenario.steps() * scenario.batch();
    }

    /** A micro-batch of a group has its tokens. */
    void sampled(int group, int microBatch, int step, double time) {
        if (most == Double.POSITIVE_INFINITY || (step != warmup - 1 && step != batches.steps() - 1)) {
            return;
        }
        int rows = batches.of(group, microBatch, 0).count();
        boolean last = step != warmup - 1;
        sum += last ? rows * time : -rows * time;
        open += last ? -rows : rows;
        until = open > 0 ? (most - sum) / open : Double.POSITIVE_INFINITY;
    }

    /** The time after which the limit is exceeded, as far as is known. */
    double until() {
        return until;
    }
}
