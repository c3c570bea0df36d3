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
 * @param eagerLaunchSeconds time added to an operation that the host launches by itself
 * @param graphLaunchSeconds time added to an operation inside a captured graph
 * @param graphStartSeconds time to start a captured graph, or whatever a segment costs beside its operations
 * @param pricePerHour price of one device for an hour, in any currency that the cluster's other kinds share; NaN if unknown
 * @param measured operations whose rates were measured; they go before peaks and efficiencies and launch times
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
        Map<Operation, OperationRate> measured) {
    public DeviceKind {
        measured = Map.copyOf(measured);
    }

    /** The fixed part of an operation's time, in seconds. */
    public double launchSeconds(Operation operation, Launch launch) {
        OperationRate rate = measured.get(operation);
        if (rate != null) {
            return rate.launchSeconds();
        }
        return launch == Launch.EAGER ? eagerLaunchSeconds : graphLaunchSeconds;
    }

    /**
     * The part of an operation's time that grows with its work, in seconds.
     *
     * @param bytes bytes moved
     * @param flops floating-point operations
     */
    public double workSeconds(Operation operation, double bytes, double flops) {
        OperationRate rate = measured.get(operation);
        return rate != null
                ? Math.max(bytes / rate.bytesPerSecond(), flops / rate.flopsPerSecond())
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
