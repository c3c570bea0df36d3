package io.maseparation.parallel.cluster;

import io.maseparation.kernels.Operation;
import java.util.Map;

/**
 * A kind of device and what operations cost on it: {@code max(FLOPs / (peak × efficiency), bytes / (bandwidth ×
 * efficiency)) + launch}, the roofline (Williams et al., CACM 52(4), 2009) and a fixed part.
 *
 * @param name name
 * @param memoryBytes bytes of its memory
 * @param bytesPerSecond peak bandwidth of its memory
 * @param flopsPerSecond peak rate of 16-bit dense matrix products
 * @param bandwidthEfficiency share of the peak bandwidth that kernels reach, above 0 and at most 1
 * @param flopsEfficiency share of the peak rate that kernels reach, above 0 and at most 1
 * @param eagerLaunchSeconds time the host adds to an operation that it launches by itself
 * @param graphLaunchSeconds time added to an operation inside a captured graph
 * @param graphStartSeconds time to start a captured graph, or whatever a segment costs beside its operations
 * @param pricePerHour price of one device for an hour, in any currency that the cluster's other kinds share; NaN if unknown
 * @param hostBytesPerSecond rate between the host's memory and the device's, where segments take what ranks exchange from
 *     there and leave it there; infinite where devices exchange it themselves, or have no memory of their own
 * @param measured operations whose rates were measured; they go before peaks and efficiencies
 */
public record DeviceKind(
        String name,
        double memoryBytes,
        double bytesPerSecond,
        double flopsPerSecond,
        double bandwidthEfficiency,
        double flopsEfficiency,
        double eagerLaunchSeconds,
        double graphLaunchSeconds,
        double graphStartSeconds,
        double pricePerHour,
        double hostBytesPerSecond,
        Map<Operation, OperationRate> measured) {
    public DeviceKind {
        measured = Map.copyOf(measured);
    }

    /** A kind that exchanges data itself. */
    public DeviceKind(
            String name,
            double memoryBytes,
            double bytesPerSecond,
            double flopsPerSecond,
            double bandwidthEfficiency,
            double flopsEfficiency,
            double eagerLaunchSeconds,
            double graphLaunchSeconds,
            double graphStartSeconds,
            double pricePerHour,
            Map<Operation, OperationRate> measured) {
        this(name, memoryBytes, bytesPerSecond, flopsPerSecond, bandwidthEfficiency, flopsEfficiency,
                eagerLaunchSeconds, graphLaunchSeconds, graphStartSeconds, pricePerHour, Double.POSITIVE_INFINITY,
                measured);
    }

    /** The fixed part of an operation's time, in seconds: on the device, where it was measured, and on the host. */
    public double launchSeconds(Operation operation, Launch launch) {
        OperationRate rate = measured.get(operation);
        return (rate == null ? 0 : rate.launchSeconds()) + hostLaunchSeconds(launch);
    }

    /** The part of it in which the device waits for its host, in seconds. */
    public double hostLaunchSeconds(Launch launch) {
        return launch == Launch.EAGER ? eagerLaunchSeconds : graphLaunchSeconds;
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
        return rate != null
                ? rate.workSeconds(bytes, flops, positions)
                : Math.max(bytes / (bytesPerSecond * bandwidthEfficiency), flops / (flopsPerSecond * flopsEfficiency));
    }

    /** Operations of experts that the device does in the time in which it reads a byte of their weights. */
    public double expertOperationsPerByte() {
        OperationRate rate = measured.get(Operation.EXPERT_UP);
        return rate != null
                ? rate.flopsPerSecond() / rate.bytesPerSecond()
                : flopsPerSecond * flopsEfficiency / (bytesPerSecond * bandwidthEfficiency);
    }

    /** The least time for some work: at peak, without launch, in seconds. */
    public double boundSeconds(double bytes, double flops) {
        return Math.max(bytes / bytesPerSecond, flops / flopsPerSecond);
    }
}
