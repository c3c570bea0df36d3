package io.maseparation.parallel.cluster;

/**
 * What ranks that are threads of one host do to each other. Either the host's cores compute, all of them for each rank,
 * or the threads drive devices with a memory of their own, several of them one device.
 *
 * @param cores cores that they share; 0 for devices of their own, driven by hosts of their own
 * @param devices devices that ranks take in turn, rank r the one of number r modulo this; 0 where the cores compute
 * @param contention where the cores compute, how much longer each of two that compute at once takes: from 0 (not at
 *     all) over 1 (twice as long, since an operation alone uses all cores) to {@link #MOST_CONTENTION}. Where devices
 *     do, how much longer a launch takes while another rank launches
 * @param variation coefficient of variation (standard deviation ÷ mean) of the time that a segment would take alone.
 *     Ranks that wait for each other wait for the slowest, so that its mean alone says too little.
 */
public record HostSharing(int cores, int devices, double contention, double variation) {
    /** Most that {@code contention} can be. */
    public static final double MOST_CONTENTION = 4;
    /** Most that {@code variation} can be. */
    public static final double MOST_VARIATION = 2;
    /** Devices of their own. */
    public static final HostSharing NONE = new HostSharing(0, 0, 1, 0);

    /** Whether there is such a host. */
    public boolean shared() {
        return cores > 0;
    }

    /** Whether ranks take turns on devices that have a queue of kernels each. */
    public boolean queues() {
        return cores > 0 && devices > 0;
    }

    /**
     * How much longer computing takes where {@code active} devices do it at once, or launching where that many launch.
     */
    public double slowdown(int active) {
        if (cores == 0) {
            return 1;
        }
        double alike = 1 + (active - 1) * contention;
        return devices > 0 ? alike : Math.max(alike, (double) active / cores);
    }

    /** What some devices can do together, as a share of what they could do if each had a host of its own. */
    public double share(long ranks) {
        if (queues()) {
            return Math.min(1, (double) devices / ranks);
        }
        return cores == 0 ? 1 : Math.max(1 / slowdown((int) ranks), 1.0 / ranks);
    }
}
