package io.maseparation.parallel.simulate;

import java.util.Arrays;
import java.util.Objects;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What is to happen, in the order of its time: a binary heap over arrays, since a simulation adds millions of events
 * and an object for each costs more than what most of them do.
 */
final class EventQueue {
    /** Added to the order of what happens after everything else at the same time. */
    private static final long LAST = 1L << 62;

    private double[] times = new double[64];
    private long[] orders = new long[64];
    private @Nullable DoubleConsumer[] whats = new DoubleConsumer[64];
    private int size;
    private long sequence;

    boolean isEmpty() {
        return size == 0;
    }

    /**
     * Adds an event.
     *
     * @param time when it happens
     * @param last whether it happens after everything else at the same time; otherwise events of one time happen in the
     *     order in which they were added
     * @param what told the time
     */
    void add(double time, boolean last, DoubleConsumer what) {
        if (size == times.length) {
            times = Arrays.copyOf(times, 2 * size);
            orders = Arrays.copyOf(orders, 2 * size);
            whats = Arrays.copyOf(whats, 2 * size);
        }
        long order = last ? LAST + sequence : sequence;
        sequence++;
        int at = size++;
        while (at > 0) {
            int above = (at - 1) >>> 1;
            if (!before(time, order, above)) {
                break;
            }
            move(above, at);
            at = above;
        }
        set(at, time, order, what);
    }

    /** {@return the time of the next event} There is one. */
    double nextTime() {
        return times[0];
    }

    /** {@return the next event, which is then no longer in the queue} There is one. */
    DoubleConsumer poll() {
        DoubleConsumer next = Objects.requireNonNull(whats[0], "there is one");
        size--;
        double time = times[size];
        long order = orders[size];
        DoubleConsumer what = whats[size];
        whats[size] = null;
        if (size > 0) {
            int at = 0;
            for (int below = 1; below < size; below = 2 * at + 1) {
                if (below + 1 < size && before(times[below + 1], orders[below + 1], below)) {
                    below++;
                }
                if (!before(times[below], orders[below], time, order)) {
                    break;
                }
                move(below, at);
                at = below;
            }
            set(at, time, order, what);
        }
        return next;
    }

    private boolean before(double time, long order, int other) {
        return before(time, order, times[other], orders[other]);
    }

    private static boolean before(double time, long order, double otherTime, long otherOrder) {
        return time < otherTime || (time == otherTime && order < otherOrder);
    }

    private void move(int from, int to) {
        times[to] = times[from];
        orders[to] = orders[from];
        whats[to] = whats[from];
    }

    private void set(int at, double time, long order, @Nullable DoubleConsumer what) {
        times[at] = time;
        orders[at] = order;
        whats[at] = what;
    }
}
