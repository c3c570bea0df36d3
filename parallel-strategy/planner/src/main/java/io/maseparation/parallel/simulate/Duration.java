package io.maseparation.parallel.simulate;

import java.util.List;

/**
 * How long a segment takes when nothing else runs, by what the time goes into; and what it moves and computes.
 *
 * @param attentionSeconds operations of attention, norms, routers, embedding and logits
 * @param expertSeconds operations of experts
 * @param launchSeconds starting them
 * @param transferSeconds data that a host's thread moves itself, to other ranks or between host and device
 * @param bytes bytes moved
 * @param flops floating-point operations
 * @param kernels each operation on the device alone, in order, where ranks queue for it; part of the other times
 */
record Duration(
        double attentionSeconds,
        double expertSeconds,
        double launchSeconds,
        double transferSeconds,
        double bytes,
        double flops,
        List<Kernel> kernels) {
    /**
     * An operation on the device.
     *
     * @param seconds time it takes
     * @param filling time for which it fills the device, so that nothing else runs there: all of it, unless it waits for one
     *     position after the other
     */
    record Kernel(double seconds, double filling) {}

    Duration {
        kernels = List.copyOf(kernels);
    }

    /** A segment whose device it has to itself. */
    Duration(
            double attentionSeconds,
            double expertSeconds,
            double launchSeconds,
            double transferSeconds,
            double bytes,
            double flops) {
        this(attentionSeconds, expertSeconds, launchSeconds, transferSeconds, bytes, flops, List.of());
    }

    /** Nothing to do. */
    static final Duration NONE = new Duration(0, 0, 0, 0, 0, 0);

    /** Data moved by the host. */
    static Duration transfer(double seconds) {
        return new Duration(0, 0, 0, seconds, 0, 0);
    }

    /** The same work in another time. */
    Duration times(double factor) {
        return new Duration(attentionSeconds * factor, expertSeconds * factor, launchSeconds * factor,
                transferSeconds * factor, bytes, flops, kernels.stream()
                        .map(k -> new Kernel(k.seconds() * factor, k.filling() * factor))
                        .toList());
    }

    /** Time before each kernel that the host needs to start it, where there are any; with it the start of the segment. */
    double hostSecondsAKernel() {
        double device = kernels.stream().mapToDouble(Kernel::seconds).sum();
        return Math.max(0, attentionSeconds + expertSeconds + launchSeconds - device) / Math.max(1, kernels.size());
    }

    double seconds() {
        return attentionSeconds + expertSeconds + launchSeconds + transferSeconds;
    }
}
