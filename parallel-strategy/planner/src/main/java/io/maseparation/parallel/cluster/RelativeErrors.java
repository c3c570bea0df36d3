package io.maseparation.parallel.cluster;

/**
 * How far the numbers of a profile may be off, by kind of number: 0.1 means that a time may be 1.1 times as long, or
 * its 1.1th part. docs/clusters.md says where the usual ones come from.
 *
 * @param bandwidth memory bandwidth and host transfers, of operations of which nothing else is known
 * @param flops rates of floating-point operations, likewise
 * @param launch launches and starts of graphs
 * @param kernels times of operations with a fit, a table of measured times or measured rates
 * @param linkBandwidth bandwidth of links and uplinks
 * @param linkLatency latency of links
 * @param collectives measured times of collectives
 * @param engine the serving engine's own time
 */
public record RelativeErrors(
        double bandwidth,
        double flops,
        double launch,
        double kernels,
        double linkBandwidth,
        double linkLatency,
        double collectives,
        double engine) {
    /** Errors of profiles that say nothing else. */
    public static final RelativeErrors USUAL = new RelativeErrors(0.15, 0.15, 0.5, 0.1, 0.12, 0.35, 0.1, 0.3);

    /**
     * {@return a cluster all of whose numbers are off by these errors at once} Peaks stay what they are, since no
     * kernel is faster.
     *
     * @param cluster the cluster
     * @param slower whether everything takes longer; otherwise everything takes less
     */
    Cluster off(Cluster cluster, boolean slower) {
        double sign = slower ? 1 : -1;
        double kernel = factor(kernels, sign);
        double launching = factor(launch, sign);
        Links links = cluster.links();
        double wire = factor(linkBandwidth, sign);
        double way = factor(linkLatency, sign);
        double together = factor(collectives, sign);
        Profile profile = cluster.profile();
        return cluster
                .withKinds(kind -> kind.with(
                        kind.roofline().off(factor(bandwidth, sign), factor(flops, sign), kernel),
                        kind.launches().times(launching),
                        kind.hostBytesPerSecond() / factor(bandwidth, sign),
                        rate -> rate.times(kernel)))
                .withLinks(
                        links.times(1 / wire, way),
                        cluster.collectives().stream().map(t -> t.times(together)).toList())
                .with(new Profile(profile.engineStepSeconds() * factor(engine, sign), this, profile.sources()));
    }

    private static double factor(double error, double sign) {
        return Math.pow(1 + error, sign);
    }
}
