package io.maseparation.parallel.simulate;

import java.util.SplittableRandom;

/**
 * Times of segments that vary as on a host with cores that ranks share: log-normal with the mean of the cost model. The
 * same rank, micro-batch, step and operation always get the same time, independent of the order of events.
 */
final class Variation {
    private final double sigma;

    /** @param coefficient standard deviation ÷ mean */
    Variation(double coefficient) {
        // Of exp(N(-s²/2, s²)) the mean is 1 and the variance exp(s²) - 1.
        sigma = Math.sqrt(Math.log1p(coefficient * coefficient));
    }

    TaskCost of(TaskCost cost, Chain chain) {
        if (sigma == 0) {
            return cost;
        }
        long seed = ((chain.rank * 31L + chain.microBatch) * 1_000_003L + chain.step) * 1_000_003L + chain.op;
        double normal = new SplittableRandom(seed).nextGaussian();
        return cost.times(Math.exp(sigma * normal - sigma * sigma / 2));
    }
}
