package io.maseparation.parallel.search;

import java.util.Optional;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.function.ToDoubleFunction;

/**
 * Finds the largest batch that keeps a limit, by bisection: between a batch that keeps it and one that does not,
 * another is tried until the two are close enough. Times grow about linearly with the batch, so the one that is tried
 * is where a straight line through both reaches the limit, or in the middle where the line did not help.
 *
 * @param <T> what trying a batch gives
 */
final class BatchSearch<T> {
    /** Largest batch that is tried. */
    static final int MOST = 3 << 15;

    /** The first batch of a search for how much fits. */
    private static final int USUAL = 64;

    private final double limitMs;
    private final double tolerance;
    private final IntFunction<T> attempt;
    private final ToDoubleFunction<T> tpotMs;
    private int low;
    private int high;
    /** Times of the batches low and high; NaN until they were tried. */
    private double below = Double.NaN;

    private double above = Double.NaN;

    /**
     * What was found.
     *
     * @param batch the largest batch tried that keeps the limit
     * @param result what trying it gave
     * @param tooLarge the next batch tried that does not keep the limit, or the first one that is not possible
     */
    record Found<T>(int batch, T result, int tooLarge) {}

    /**
     * Sets up a search.
     *
     * @param limitMs most time between tokens
     * @param tolerance relative error allowed in the batch; 0 for the exact one
     * @param attempt tries a batch
     * @param tpotMs the time between tokens of what was tried
     */
    BatchSearch(double limitMs, double tolerance, IntFunction<T> attempt, ToDoubleFunction<T> tpotMs) {
        this.limitMs = limitMs;
        this.tolerance = tolerance;
        this.attempt = attempt;
        this.tpotMs = tpotMs;
    }

    /**
     * {@return the largest batch for which a condition holds; {@code least − 1} if it holds for none}
     *
     * @param least the smallest one that is possible
     * @param holds holds up to some batch and not beyond
     */
    static int largest(int least, IntPredicate holds) {
        int low = least - 1;
        int high = MOST + 1;
        int next = USUAL;
        while (high - low > 1) {
            int tried = Math.clamp(next, low + 1, high - 1);
            if (holds.test(tried)) {
                low = tried;
            } else {
                high = tried;
            }
            next = high > MOST ? 2 * low : low + (high - low) / 2;
        }
        return low;
    }

    /**
     * Searches.
     *
     * @param least the smallest batch that is possible
     * @param most the largest one
     * @param first the batch that is tried first
     * @return empty if the smallest batch does not keep the limit
     */
    Optional<Found<T>> find(int least, int most, int first) {
        low = least - 1;
        high = most + 1;
        Optional<T> best = Optional.empty();
        int next = first;
        boolean halve = false;
        while (high - low > Math.max(1, tolerance * low)) {
            int width = high - low;
            int tried = Math.clamp(next, low + 1, high - 1);
            T result = attempt.apply(tried);
            double tpot = tpotMs.applyAsDouble(result);
            boolean kept = tpot <= limitMs;
            if (kept) {
                low = tried;
                below = tpot;
                best = Optional.of(result);
            } else {
                high = tried;
                above = tpot;
            }
            // Where the line was no better than the middle, the middle is next.
            halve = !halve && 2 * (high - low) > width;
            next = halve ? low + (high - low) / 2 : onTheLine(kept);
        }
        return best.map(result -> new Found<>(low, result, high));
    }

    /** Overshoots to the other side of the limit, so that both ends close in. */
    private int onTheLine(boolean kept) {
        int margin = (int) (0.45 * tolerance * low);
        if (Double.isNaN(above)) {
            return (int) Math.ceil(low * Math.clamp(limitMs / below, 1.0, 4.0)) + margin;
        }
        if (Double.isNaN(below)) {
            return (int) (high * Math.clamp(limitMs / above, 0.25, 1.0));
        }
        int on = low + (int) ((limitMs - below) / (above - below) * (high - low));
        return kept ? on + Math.max(1, margin) : on - margin;
    }
}
