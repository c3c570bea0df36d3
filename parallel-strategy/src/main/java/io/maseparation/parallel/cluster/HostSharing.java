package io.maseparation.parallel.cluster;

/**
 * What devices that are threads of one host do to each other.
 *
 * @param cores cores that they share; 0 for devices of their own
 * @param contention how much longer each of two that compute at once takes: from 0 (not at all) over 1 (twice as long,
 *     since an operation alone uses all cores) to {@link #MOST_CONTENTION}
 * @param variation coefficient of variation (standard deviation ÷ mean) of the time that a segment would take alone. Ranks
 *     that wait for each other wait for the slowest, so that its mean alone says too little.
 */
public record HostSharing(int cores, double contention, double variation) {
    /** Most that {@code contention} can be. */
    public static final double MOST_CONTENTION = 4;
    /** Most that {@code variation} can be. */
    public static final double MOST_VARIATION = 2;
    /** Devices of their own. */
    public static final HostSharing NONE = new HostSharing(0, 1, 0);

    /** Whether there is such a host. */
    public boolean shared() {
        return cores > 0;
    }

    /** How much longer computing takes where {@code active} devices do it at once. */
    public double slowdown(int active) {
        return cores == 0 ? 1 : Math.max(1 + (active - 1) * contention, (double) active / cores);
    }

    /** What some devices can do together, as a share of what they could do if each had a host of its own. */
    public double share(long devices) {
        return cores == 0 ? 1 : Math.max(1 / slowdown((int) devices), 1.0 / devices);
    }
}
