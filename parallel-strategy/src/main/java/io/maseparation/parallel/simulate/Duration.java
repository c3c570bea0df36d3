package io.maseparation.parallel.simulate;

/**
 * How long a segment takes when nothing else runs, by what the time goes into; and what it moves and computes.
 *
 * @param attentionSeconds operations of attention, norms, routers, embedding and logits
 * @param expertSeconds operations of experts
 * @param launchSeconds starting them
 * @param transferSeconds data that a host's thread moves itself
 * @param bytes bytes moved
 * @param flops floating-point operations
 */
record Duration(
        double attentionSeconds,
        double expertSeconds,
        double launchSeconds,
        double transferSeconds,
        double bytes,
        double flops) {
    /** Nothing to do. */
    static final Duration NONE = new Duration(0, 0, 0, 0, 0, 0);

    /** Data moved by the host. */
    static Duration transfer(double seconds) {
        return new Duration(0, 0, 0, seconds, 0, 0);
    }

    /** The same work in another time. */
    Duration times(double factor) {
        return new Duration(attentionSeconds * factor, expertSeconds * factor, launchSeconds * factor,
                transferSeconds * factor, bytes, flops);
    }

    double seconds() {
        return attentionSeconds + expertSeconds + launchSeconds + transferSeconds;
    }
}
