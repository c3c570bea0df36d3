package io.maseparation.parallel.simulate;

import java.util.Arrays;

/**
 * What happened in a simulation: one entry for everything that took time, and why it did not start earlier.
 */
final class Log {
    /** No entry. */
    static final int NONE = -1;

    private int size;
    private double[] start = new double[1024];
    private double[] end = new double[1024];
    /** The entry whose end let this one start. */
    private int[] cause = new int[1024];
    private int[] rank = new int[1024];
    private int[] microBatch = new int[1024];
    private int[] step = new int[1024];
    /** What was computed; null for transfers. */
    private Duration[] computed = new Duration[1024];

    private String[] name = new String[1024];

    /**
     * Adds an entry.
     *
     * @param computed what was computed, or null for a transfer
     * @param cause the entry whose end let this one start
     * @return its number
     */
    int add(
            int rank, int microBatch, int step, String name, Duration computed, double start, double end, int cause) {
        if (size == this.start.length) {
            int more = 2 * size;
            this.start = Arrays.copyOf(this.start, more);
            this.end = Arrays.copyOf(this.end, more);
            this.cause = Arrays.copyOf(this.cause, more);
            this.rank = Arrays.copyOf(this.rank, more);
            this.microBatch = Arrays.copyOf(this.microBatch, more);
            this.step = Arrays.copyOf(this.step, more);
            this.computed = Arrays.copyOf(this.computed, more);
            this.name = Arrays.copyOf(this.name, more);
        }
        this.start[size] = start;
        this.end[size] = end;
        this.cause[size] = cause;
        this.rank[size] = rank;
        this.microBatch[size] = microBatch;
        this.step[size] = step;
        this.computed[size] = computed;
        this.name[size] = name;
        return size++;
    }

    int size() {
        return size;
    }

    double start(int entry) {
        return start[entry];
    }

    double end(int entry) {
        return end[entry];
    }

    int cause(int entry) {
        return cause[entry];
    }

    int rank(int entry) {
        return rank[entry];
    }

    int microBatch(int entry) {
        return microBatch[entry];
    }

    int step(int entry) {
        return step[entry];
    }

    /** What was computed, or null for a transfer. */
    Duration computed(int entry) {
        return computed[entry];
    }

    String name(int entry) {
        return name[entry];
    }
}
