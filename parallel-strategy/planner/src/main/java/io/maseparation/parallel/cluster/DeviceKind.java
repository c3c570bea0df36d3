package io.maseparation.parallel.cluster;

import io.maseparation.kernels.Operation;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * A kind of device and what operations cost on it: {@code max(FLOPs / (peak × efficiency), bytes / (bandwidth ×
 * efficiency)) + launch}, the roofline (Williams et al., CACM 52(4), 2009) and a fixed part.
 *
 * @param name name
 * @param memoryBytes bytes of its memory
 * @param roofline rates of operations that were not measured, and peaks that bounds are computed from
 * @param launches what the host adds to operations
 * @param pricePerHour price of one device for an hour, in any currency that the cluster's other kinds share; NaN if
 *     unknown
 * @param hostBytesPerSecond rate between the host's memory and the device's, where segments take what ranks exchange
 *     from there and leave it there; infinite where devices exchange it themselves, or have no memory of their own
 * @param measured operations whose rates were measured; they take precedence over the roofline
 */
public record DeviceKind(
        String name,
        double memoryBytes,
        Roofline roofline,
        LaunchTimes launches,
        double pricePerHour,
        double hostBytesPerSecond,
        Map<Operation, OperationRate> measured) {
    public DeviceKind {
        measured = Map.copyOf(measured);
    }

    /** The same with more memory or less. */
    public DeviceKind withMemory(double bytes) {
        return new DeviceKind(name, bytes, roofline, launches, pricePerHour, hostBytesPerSecond, measured);
    }

    /** The same with other rates and launch times. */
    public DeviceKind with(
            Roofline rates, LaunchTimes times, double hostRate, UnaryOperator<OperationRate> operations) {
        return new DeviceKind(name, memoryBytes, rates, times, pricePerHour, hostRate,
                measured.entrySet().stream()
                        .collect(Collectors.toMap(Map.Entry::getKey, e -> operations.apply(e.getValue()))));
    }

    /** The fixed part of an operation's time, in seconds: on the device, where it was measured, and on the host. */
    public double launchSeconds(Operation operation, Launch launch) {
        OperationRate rate = measured.get(operation);
        return (rate == null ? 0 : rate.launchSeconds()) + hostLaunchSeconds(launch);
    }

    /** The part of it in which the device waits for its host, in seconds. */
    public double hostLaunchSeconds(Launch launch) {
        return launches.seconds(launch);
    }

    /** What a segment costs besides its operations, in seconds. */
    public double startSeconds(Launch launch) {
        return !measured.isEmpty() || launch == Launch.GRAPH ? launches.startSeconds() : 0;
    }

    /**
     * Whether a task is launched at all. A device known by its data sheet starts no task that has nothing to do; this
     * library's runtime, which operations are measured with, starts every one.
     */
    public boolean starts(double bytes, double flops) {
        return bytes > 0 || flops > 0 || !measured.isEmpty();
    }

    /**
     * The part of an operation's time that grows with its work, in seconds.
     *
     * @param bytes bytes moved
     * @param flops floating-point operations
     * @param positions positions that a row sees one after the other
     */
    public double workSeconds(Operation operation, double bytes, double flops, double positions) {
        OperationRate rate = measured.get(operation);
        return rate != null ? rate.workSeconds(bytes, flops, positions) : roofline.workSeconds(bytes, flops);
    }
}
