package io.maseparation.parallel.cluster;

/**
 * How ranks that are threads or processes of one host slow each other down; every node is a host. Either the host's
 * cores compute, and every rank can use all of them, or the ranks drive devices with memory of their own, and several
 * ranks may share a device.
 *
 * @param cores cores of a host, which its ranks share; 0 if every rank has a device and a host of its own
 * @param devices devices of a host that its ranks share: the r-th device of its node is number r modulo this number; 0
 *     if the cores compute
 * @param contention if the cores compute: how much longer each of two ranks takes when both compute at once, from 0 (no
 *     longer) through 1 (twice as long, as one operation uses all cores) to {@link #MOST_CONTENTION}. If devices
 *     compute: how much longer a launch takes while another rank launches
 * @param variation coefficient of variation (standard deviation ÷ mean) of the time that a segment takes alone; ranks
 *     that wait for each other wait for the slowest, so the mean is not enough
 */
public record HostSharing(int cores, int devices, double contention, double variation) {
    /** Most that {@code contention} can be. */
    public static final double MOST_CONTENTION = 4;
    /** Most that {@code variation} can be. */
    public static final double MOST_VARIATION = 2;
    /** Every rank has a device and a host of its own. */
    public static final HostSharing NONE = new HostSharing(0, 0, 1, 0);

    /** {@return whether ranks share a host} */
    public boolean shared() {
        return cores > 0;
    }

    /** {@return whether ranks share devices, each of which has a queue of kernels} */
    public boolean queues() {
        return cores > 0 && devices > 0;
    }

    /**
     * {@return how many times as long as alone each rank takes to compute, or to launch if ranks share devices}
     *
     * @param active ranks that do so at the same time, at least 1
     */
    public double slowdown(int active) {
        if (cores == 0) {
            return 1;
        }
        double alike = 1 + (active - 1) * contention;
        return devices > 0 ? alike : Math.max(alike, (double) active / cores);
    }

    /**
     * {@return what ranks can do together, as a share of what they could do if each had a host of its own}
     *
     * @param ranks number of ranks
     */
    public double share(long ranks) {
        if (queues()) {
            return Math.min(1, (double) devices / ranks);
        }
        return cores == 0 ? 1 : Math.max(1 / slowdown((int) ranks), 1.0 / ranks);
    }
}
