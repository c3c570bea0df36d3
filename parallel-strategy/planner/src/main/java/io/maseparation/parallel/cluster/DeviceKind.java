package io.maseparation.parallel.cluster;

import io.maseparation.kernels.Operation;
import io.maseparation.moe.Format;
import io.maseparation.moe.segments.OperationCost;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * A kind of device and what operations cost on it: the roofline (Williams et al., CACM 52(4), 2009), {@code max(FLOPs /
 * (peak × efficiency), bytes / (bandwidth × efficiency))} or a smooth maximum of the two, and a fixed part.
 *
 * @param name name
 * @param memoryBytes bytes of its memory
 * @param roofline rates of operations that were not measured, and peaks that bounds are computed from
 * @param launches what the host adds to operations
 * @param pricePerHour price of one device for an hour, in the same currency for all kinds of a cluster; NaN if unknown
 * @param hostBytesPerSecond rate between the host's memory and the device's if segments read what ranks exchange from
 *     the host's memory and write it there; infinite if devices exchange data themselves or share the host's memory
 * @param collectiveShare share of its cores that a collective keeps busy, from 0 to below 1; other computation
 *     slows down by that share meanwhile
 * @param measured operations whose rates were measured; they take precedence over the roofline
 */
public record DeviceKind(
        String name,
        double memoryBytes,
        Roofline roofline,
        LaunchTimes launches,
        double pricePerHour,
        double hostBytesPerSecond,
        double collectiveShare,
        Map<Operation, OperationRate> measured) {
    /** Copies the map. */
    public DeviceKind {
        measured = Map.copyOf(measured);
    }

    /**
     * {@return the same kind with another size of memory}
     *
     * @param bytes bytes of its memory
     */
    public DeviceKind withMemory(double bytes) {
        return new DeviceKind(name, bytes, roofline, launches, pricePerHour, hostBytesPerSecond, collectiveShare,
                measured);
    }

    /** {@return the same kind with measured rates only, without times by shape} */
    public DeviceKind withoutShapes() {
        return with(roofline, launches, hostBytesPerSecond, rate -> rate.with(List.of()));
    }

    /**
     * {@return the same kind with other rates and launch times}
     *
     * @param rates rates of operations that were not measured
     * @param times what the host adds to operations
     * @param hostRate bytes per second between the host's memory and the device's
     * @param operations makes the new rate of a measured operation
     */
    public DeviceKind with(
            Roofline rates, LaunchTimes times, double hostRate, UnaryOperator<OperationRate> operations) {
        return new DeviceKind(name, memoryBytes, rates, times, pricePerHour, hostRate, collectiveShare,
                measured.entrySet().stream()
                        .collect(Collectors.toMap(Map.Entry::getKey, e -> operations.apply(e.getValue()))));
    }

    /**
     * {@return where the times of its kernels come from, in words}
     *
     * @param formats formats that are multiplied
     * @param latent whether attention is over latents
     */
    public String kernelTimes(List<Format> formats, boolean latent) {
        StringBuilder text = new StringBuilder(kernelTimes());
        boolean tables = measured.isEmpty() && !roofline.tables().name().isEmpty();
        if (tables && latent) {
            text.append("; attention over latents a roofline");
        }
        formats.stream().filter(f -> !f.half() && (measured.isEmpty() || f.type().isEmpty())).distinct()
                .forEach(f -> text.append("; %s by the %s of 16-bit kernels, at %s".formatted(
                        f.id(), measured.isEmpty() ? "rooflines" : "rates",
                        roofline.speeds().containsKey(f.units())
                                ? "the rate of " + f.units().id()
                                : "their rate")));
        return text.toString();
    }

    private String kernelTimes() {
        if (!measured.isEmpty()) {
            return measured.values().stream().anyMatch(rate -> rate.shapes().any())
                    ? "experts, decode attention and matrix products measured by shape, all others by operation"
                    : "rates measured by operation";
        }
        return roofline.tables().name().isEmpty()
                ? roofline.kernels().isEmpty() ? "rooflines" : "rooflines fitted by operation"
                : "experts, decode attention and matrix products measured by shape in bf16 (%s), all others rooflines"
                        .formatted(roofline.tables().name());
    }

    /**
     * {@return how much longer a task takes than its fit says, as measured for its shape; 1 where no table has it}
     * Nothing is faster than the peaks, neither between and beyond measured shapes nor where a fit may be off.
     *
     * @param task the task
     * @param bytes bytes that it moves
     * @param flops its floating-point operations
     */
    public double factor(OperationCost task, double bytes, double flops) {
        Operation operation = task.operation();
        double factor = factor(task, task.shape());
        if (measured.containsKey(operation)) {
            // What a cache serves is faster than the memory that the peak is of.
            return factor;
        }
        double fit = roofline.fixedSeconds(operation) + roofline.workSeconds(operation, bytes, flops);
        double least = roofline.boundSeconds(bytes, flops);
        return factor * fit < least ? least / fit : factor;
    }

    /**
     * {@return the same for a task of another shape, ignoring the peaks; at most the value with them}
     *
     * @param task the task
     * @param shape the shape
     */
    public double factor(OperationCost task, OperationCost.Shape shape) {
        OperationRate rate = measured.get(task.operation());
        if (rate != null) {
            return rate.shapes().factor(shape);
        }
        return tabled(task) ? roofline.tables().factor(shape) : 1;
    }

    /**
     * {@return the least factor of a task of this operation and format, whatever its shape: times with it are convex in
     * bytes and operations}
     *
     * @param task the task
     */
    public double leastFactor(OperationCost task) {
        OperationRate rate = measured.get(task.operation());
        if (rate != null) {
            return rate.shapes().leastFactor();
        }
        return tabled(task) ? roofline.tables().leastFactor(task.operation()) : 1;
    }

    /** Whether tables of the kind of device say something of a task that was not measured: they are of 16 bits. */
    private static boolean tabled(OperationCost task) {
        return task.format().half();
    }

    /**
     * {@return floating-point operations of a task with 16 bits that take as long as its own do at the rate of their
     * format}
     *
     * @param task the task
     */
    public double peakFlops(OperationCost task) {
        return task.cost().flops() * roofline.relativeTime(task.format().units());
    }

    /**
     * {@return the fixed part of an operation's time in seconds: on the device, if it is known, and on the host}
     *
     * <p>What was fitted to kernels of captured graphs has the gap between them in it.
     *
     * @param operation the operation
     * @param launch how it is started
     * @param factor how much longer the operation takes than its fit says
     */
    public double launchSeconds(Operation operation, Launch launch, double factor) {
        OperationRate rate = measured.get(operation);
        double onDevice = rate == null
                ? Math.max(0, factor * roofline.fixedSeconds(operation) - launches.seconds(Launch.GRAPH))
                : factor * rate.launchSeconds();
        return onDevice + hostLaunchSeconds(launch);
    }

    /**
     * {@return the part of an operation's fixed time in which the device waits for its host, in seconds}
     *
     * @param launch how it is started
     */
    public double hostLaunchSeconds(Launch launch) {
        return launches.seconds(launch);
    }

    /**
     * {@return what a segment costs besides its operations, in seconds}
     *
     * @param launch how its operations are started
     */
    public double startSeconds(Launch launch) {
        return !measured.isEmpty() || launch == Launch.GRAPH ? launches.startSeconds() : 0;
    }

    /**
     * {@return whether a task is launched at all} A kind of device that is known from its data sheet starts no task
     * that has nothing to do; this library's runtime, with which operations are measured, starts every task.
     *
     * @param bytes bytes that the task moves
     * @param flops its floating-point operations
     */
    public boolean starts(double bytes, double flops) {
        return bytes > 0 || flops > 0 || !measured.isEmpty();
    }

    /**
     * {@return the part of an operation's time that grows with its work, in seconds}
     *
     * @param operation the operation
     * @param bytes bytes moved
     * @param flops floating-point operations
     * @param positions positions that a row reads one after the other
     */
    public double workSeconds(Operation operation, double bytes, double flops, double positions) {
        OperationRate rate = measured.get(operation);
        return rate != null ? rate.workSeconds(bytes, flops, positions) : roofline.workSeconds(operation, bytes, flops);
    }
}
