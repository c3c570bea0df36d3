package io.maseparation.parallel.simulate;

import java.util.Arrays;

/**
 * A link that several flows share, each with a rate of its own that it cannot exceed. A flow takes what the flows
 * before it have left over, from its start until its bytes are through, so a link that is wide enough for all of them
 * delays none.
 */
final class Uplink {
    /** Less than this part of the capacity is rounding, not room. */
    private static final double ROUNDING = 1e-9;

    private final double capacity;
    /** Rates in use: {@code used[i]} from {@code from[i]} until {@code from[i + 1]}, the last one for ever. */
    private double[] from = new double[8];

    private double[] used = new double[8];
    private int size = 1;

    /** @param capacity bytes per second */
    Uplink(double capacity) {
        this.capacity = capacity;
    }

    /**
     * When a flow's first and last bytes are through.
     *
     * @param begin first byte, in seconds
     * @param end last byte
     */
    record Passage(double begin, double end) {}

    /**
     * Carries a flow.
     *
     * @param now in seconds; no earlier than for any flow before
     * @param start when the flow's first byte comes, at or after now
     * @param bytes how many
     * @param most bytes per second that the flow can bring, above 0
     * @return when it passes
     */
    Passage carry(double now, double start, double bytes, double most) {
        forget(now);
        int i = 0;
        while (i < size - 1 && from[i + 1] <= start) {
            i++;
        }
        if (from[i] < start) {
            split(i++, start);
        }
        double begin = Double.NaN;
        double left = bytes;
        for (;; i++) {
            double rate = Math.min(most, capacity - used[i]);
            if (rate <= capacity * ROUNDING) {
                continue;
            }
            begin = Double.isNaN(begin) ? from[i] : begin;
            double end = from[i] + left / rate;
            if (i == size - 1 || end <= from[i + 1]) {
                if (i == size - 1 || end < from[i + 1]) {
                    split(i, end);
                }
                used[i] += rate;
                return new Passage(begin, end);
            }
            left -= rate * (from[i + 1] - from[i]);
            used[i] += rate;
        }
    }

    /** What was before a time matters no longer. */
    private void forget(double start) {
        int first = 0;
        while (first < size - 1 && from[first + 1] <= start) {
            first++;
        }
        if (first > 0) {
            size -= first;
            System.arraycopy(from, first, from, 0, size);
            System.arraycopy(used, first, used, 0, size);
        }
        from[0] = start;
    }

    /** Cuts an interval in two that use the same rate. */
    private void split(int i, double time) {
        if (size == from.length) {
            from = Arrays.copyOf(from, 2 * size);
            used = Arrays.copyOf(used, 2 * size);
        }
        System.arraycopy(from, i + 1, from, i + 2, size - i - 1);
        System.arraycopy(used, i + 1, used, i + 2, size - i - 1);
        from[i + 1] = time;
        used[i + 1] = used[i];
        size++;
    }
}
