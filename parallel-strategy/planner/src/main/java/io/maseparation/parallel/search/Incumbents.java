package io.maseparation.parallel.search;

import io.maseparation.parallel.layout.Setup;
import java.util.Arrays;
import java.util.concurrent.atomic.DoubleAccumulator;

/** The least score so far of every kind of layout, or of all together. */
final class Incumbents {
    /** By kind. */
    private final DoubleAccumulator[] least = new DoubleAccumulator[LayoutKind.values().length];

    /** @param together whether layouts of all kinds compete with each other */
    Incumbents(boolean together) {
        DoubleAccumulator common = new DoubleAccumulator(Math::min, Double.POSITIVE_INFINITY);
        Arrays.setAll(least, k -> together ? common : new DoubleAccumulator(Math::min, Double.POSITIVE_INFINITY));
    }

    /**
     * Whether a score of at least {@code bound} is too far from the best score of every kind that the layout is of.
     */
    boolean beyond(Setup setup, double bound, double factor) {
        return Arrays.stream(LayoutKind.values()).noneMatch(k -> k.has(setup) && near(k, bound, factor));
    }

    /** Whether a score is within a factor of the best of a kind. */
    boolean near(LayoutKind kind, double score, double factor) {
        return score < Double.POSITIVE_INFINITY && score <= least[kind.ordinal()].get() * factor;
    }

    /** The score above which a layout is too far from the best of every kind that it is of. */
    double worst(Setup setup, double factor) {
        return factor * Arrays.stream(LayoutKind.values())
                .filter(k -> k.has(setup))
                .mapToDouble(k -> least[k.ordinal()].get())
                .max()
                .orElse(Double.POSITIVE_INFINITY);
    }

    void offer(Setup setup, double score) {
        for (LayoutKind kind : LayoutKind.values()) {
            if (kind.has(setup)) {
                least[kind.ordinal()].accumulate(score);
            }
        }
    }

    /** Whether there is one of every kind that a layout is of. */
    boolean has(Setup setup) {
        return Arrays.stream(LayoutKind.values())
                .allMatch(k -> !k.has(setup) || least[k.ordinal()].get() < Double.POSITIVE_INFINITY);
    }
}
