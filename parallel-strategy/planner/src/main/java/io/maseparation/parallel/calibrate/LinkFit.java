package io.maseparation.parallel.calibrate;

import io.maseparation.parallel.cluster.Link;

/** The link (Hockney's α–β model) that measured messages go over. */
final class LinkFit {
    /** The most that a copy in memory can reach; the noise of a measurement could give more. */
    private static final double MOST_BYTES_PER_SECOND = 1e11;

    private static final double LEAST_SECONDS = 1e-12;

    private LinkFit() {}

    /**
     * {@return the link that takes both times: what a large message takes longer gives the bytes per second, and what
     * is left of the small one's time is the latency} Where nothing would be left all of the large one's time is of its
     * bytes.
     *
     * @param smallBytes bytes of the small message
     * @param smallSeconds its time
     * @param largeBytes bytes of the large one, more than of the small one
     * @param largeSeconds its time
     */
    static Link through(double smallBytes, double smallSeconds, double largeBytes, double largeSeconds) {
        double rate = Math.min(MOST_BYTES_PER_SECOND,
                (largeBytes - smallBytes) / Math.max(largeSeconds - smallSeconds, LEAST_SECONDS));
        double latency = smallSeconds - smallBytes / rate;
        return latency > 0
                ? new Link(latency, rate)
                : new Link(0, Math.min(MOST_BYTES_PER_SECOND, largeBytes / Math.max(largeSeconds, LEAST_SECONDS)));
    }
}
