package io.maseparation.parallel.simulate;

import java.util.List;

/**
 * What a task costs: how long it takes when nothing else runs, by what the time goes into, and what it moves and
 * computes.
 *
 * @param attentionSeconds operations of attention, norms, routers, embedding and logits
 * @param expertSeconds operations of experts
 * @param launchSeconds starting them
 * @param transferSeconds data that a thread of the host moves itself, to other ranks or between host and device
 * @param bytes bytes moved
 * @param flops floating-point operations
 * @param kernels each operation on the device alone, in order, where ranks queue for the device; part of the other
 *     times
 */
record TaskCost(
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
     * @param filling time for which it fills the device, so that nothing else runs there: all of it, unless it waits
     *     for one position after another
     */
    record Kernel(double seconds, double filling) {}

    TaskCost {
        kernels = List.copyOf(kernels);
    }

    /** Nothing to do. */
    static final TaskCost NONE = new TaskCost(0, 0, 0, 0, 0, 0, List.of());

    /** Data moved by the host. */
    static TaskCost transfer(double seconds) {
        return new TaskCost(0, 0, 0, seconds, 0, 0, List.of());
    }

    /** The same work in another time. */
    TaskCost times(double factor) {
        return new TaskCost(attentionSeconds * factor, expertSeconds * factor, launchSeconds * factor,
                transferSeconds * factor, bytes, flops, kernels.stream()
                        .map(k -> new Kernel(k.seconds() * factor, k.filling() * factor))
                        .toList());
    }

    /** Time that the host needs before each kernel to start it, with its part of the start of the segment. */
    double hostSecondsPerKernel() {
        double device = kernels.stream().mapToDouble(Kernel::seconds).sum();
        return Math.max(0, attentionSeconds + expertSeconds + launchSeconds - device) / Math.max(1, kernels.size());
    }

    double seconds() {
        return attentionSeconds + expertSeconds + launchSeconds + transferSeconds;
    }
}
