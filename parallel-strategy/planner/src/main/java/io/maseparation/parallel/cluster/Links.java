package io.maseparation.parallel.cluster;

/**
 * What connects the devices of a cluster.
 *
 * @param intraNode between two devices of a node; every device has a port of this bandwidth each way
 * @param interNode between two devices of different nodes; every device has a network port of this bandwidth each way
 * @param nodeUplinkBytesPerSecond bandwidth each way that all devices of a node share towards other nodes; infinite if
 *     only the devices' own ports are limits
 */
public record Links(Link intraNode, Link interNode, double nodeUplinkBytesPerSecond) {
    /**
     * {@return the same link between any two devices, whichever nodes they are in}
     *
     * @param link the link
     */
    public static Links everywhere(Link link) {
        return new Links(link, link, Double.POSITIVE_INFINITY);
    }

    /**
     * {@return these links with other bandwidths and latencies}
     *
     * @param bandwidth factor of all bandwidths
     * @param latency factor of all latencies
     */
    public Links times(double bandwidth, double latency) {
        return new Links(
                intraNode.times(bandwidth, latency),
                interNode.times(bandwidth, latency),
                nodeUplinkBytesPerSecond * bandwidth);
    }
}
