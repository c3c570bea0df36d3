package io.maseparation.parallel.simulate;

import java.util.ArrayList;
import java.util.List;

/**
 * What a task costs: the time that it takes when nothing else runs, divided by purpose, and what it moves and computes.
 *
 * @param attentionSeconds time of operations of attention, norms, routers, embedding and logits
 * @param expertSeconds time of operations of experts
 * @param launchSeconds time to start these operations
 * @param transferSeconds time of data that a thread of the host moves itself, to other ranks or between host and device
 * @param bytes bytes moved
 * @param flops floating-point operations
 * @param peakFlops the same, each as much as it takes of the units for 16 bits
 * @param kernels each operation on the device alone, in order, if ranks queue for the device, otherwise empty; the
 *     times above include them
 */
record TaskCost(
        double attentionSeconds,
        double expertSeconds,
        double launchSeconds,
        double transferSeconds,
        double bytes,
        double flops,
        double peakFlops,
        List<Kernel> kernels) {
    /**
     * An operation on the device.
     *
     * @param seconds time it takes
     * @param filling time during which nothing else runs on the device: all of it, unless the operation waits for one
     *     position after the other
     */
    record Kernel(double seconds, double filling) {}

    TaskCost {
        kernels = List.copyOf(kernels);
    }

    /** Nothing to do. */
    static final TaskCost NONE = new TaskCost(0, 0, 0, 0, 0, 0, 0, List.of());

    /** Data moved by the host. */
    static TaskCost transfer(double seconds) {
        return new TaskCost(0, 0, 0, seconds, 0, 0, 0, List.of());
    }

    /** Tasks that follow each other. */
    static TaskCost sum(List<TaskCost> parts) {
        double attention = 0;
        double expert = 0;
        double launch = 0;
        double transfer = 0;
        double bytes = 0;
        double flops = 0;
        double peakFlops = 0;
        List<Kernel> kernels = new ArrayList<>();
        for (TaskCost part : parts) {
            attention += part.attentionSeconds;
            expert += part.expertSeconds;
            launch += part.launchSeconds;
            transfer += part.transferSeconds;
            bytes += part.bytes;
            flops += part.flops;
            peakFlops += part.peakFlops;
            kernels.addAll(part.kernels);
        }
        return new TaskCost(attention, expert, launch, transfer, bytes, flops, peakFlops, kernels);
    }

    /** The same work in {@code factor} times the time. */
    TaskCost times(double factor) {
        return new TaskCost(attentionSeconds * factor, expertSeconds * factor, launchSeconds * factor,
                transferSeconds * factor, bytes, flops, peakFlops, kernels.stream()
                        .map(k -> new Kernel(k.seconds() * factor, k.filling() * factor))
                        .toList());
    }

    /** Time that the host needs to start each kernel, including the kernel's share of the start of the segment. */
    double hostSecondsPerKernel() {
        double device = kernels.stream().mapToDouble(Kernel::seconds).sum();
        return Math.max(0, attentionSeconds + expertSeconds + launchSeconds - device) / Math.max(1, kernels.size());
    }

    double seconds() {
        return attentionSeconds + expertSeconds + launchSeconds + transferSeconds;
    }
}
