package io.maseparation.parallel.simulate;

/**
 * How long a segment takes when nothing else runs, by what the time goes into; and what it moves and computes.
 *
 * @param attentionSeconds operations of attention, norms, routers, embedding and logits
 * @param expertSeconds operations of experts
 * @param launchSeconds starting them
 * @param bytes bytes moved
 * @param flops floating-point operations
 */
record Duration(double attentionSeconds, double expertSeconds, double launchSeconds, double bytes, double flops) {
    /** Nothing to do. */
    static final Duration NONE = new Duration(0, 0, 0, 0, 0);

    double seconds() {
        return attentionSeconds + expertSeconds + launchSeconds;
    }
}
