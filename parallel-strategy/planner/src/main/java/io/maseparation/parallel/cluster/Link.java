package io.maseparation.parallel.cluster;

/**
 * A connection (Hockney's α–β model).
 *
 * @param latencySeconds α: time of an empty transfer
 * @param bytesPerSecond 1/β: bytes per second, one way, of one device
 */
public record Link(double latencySeconds, double bytesPerSecond) {

    /**
     * {@return the time in seconds of one transfer that has the link to itself}
     *
     * @param bytes bytes transferred
     */
    public double seconds(double bytes) {
        return latencySeconds + bytes / bytesPerSecond;
    }

    Link times(double bandwidth, double latency) {
        return new Link(latencySeconds * latency, bytesPerSecond * bandwidth);
    }
}
