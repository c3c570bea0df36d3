package io.maseparation.parallel.cluster;

import io.maseparation.kernels.Operation;
import io.maseparation.moe.Format;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Peak rates of a device and the share of them that kernels reach.
 *
 * @param bytesPerSecond peak bandwidth of its memory
 * @param flopsPerSecond peak rate of 16-bit dense matrix products
 * @param bandwidthEfficiency share of the peak bandwidth that kernels reach, above 0 and at most 1
 * @param flopsEfficiency share of the peak rate that kernels reach, above 0 and at most 1
 * @param kernels operations of which more is known: what their kernels reach, and how bytes and operations overlap; all
 *     others take the longer of the two
 * @param speeds rates of other formats, as multiples of that of 16 bits; those that are missing here have no units of
 *     their own, and are widened to 16 bits
 * @param tables measured times by shape, as factors of those fits
 */
public record Roofline(
        double bytesPerSecond,
        double flopsPerSecond,
        double bandwidthEfficiency,
        double flopsEfficiency,
        Map<Operation, KernelFit> kernels,
        Map<Format.Units, Double> speeds,
        KernelTables tables) {

    /** Copies the maps. */
    public Roofline {
        kernels = Map.copyOf(kernels);
        speeds = Map.copyOf(speeds);
    }

    /**
     * Kernels that all reach the same shares, the longer of bytes and operations hiding the other.
     *
     * @param bytesPerSecond peak bandwidth of its memory
     * @param flopsPerSecond peak rate of 16-bit dense matrix products
     * @param bandwidthEfficiency share of the peak bandwidth that kernels reach, above 0 and at most 1
     * @param flopsEfficiency share of the peak rate that kernels reach, above 0 and at most 1
     */
    public Roofline(
            double bytesPerSecond, double flopsPerSecond, double bandwidthEfficiency, double flopsEfficiency) {
        this(bytesPerSecond, flopsPerSecond, bandwidthEfficiency, flopsEfficiency, Map.of(), Map.of(),
                KernelTables.NONE);
    }

    /**
     * {@return rates of kernels that reach the peaks}
     *
     * @param bytesPerSecond peak bandwidth of the device's memory
     * @param flopsPerSecond peak rate of floating-point operations
     */
    public static Roofline peak(double bytesPerSecond, double flopsPerSecond) {
        return new Roofline(bytesPerSecond, flopsPerSecond, 1, 1);
    }

    /**
     * {@return the same efficiencies at other peaks}
     *
     * @param bandwidth factor of the memory bandwidth
     * @param flops factor of the rate of floating-point operations
     */
    public Roofline times(double bandwidth, double flops) {
        return new Roofline(
                bytesPerSecond * bandwidth, flopsPerSecond * flops, bandwidthEfficiency, flopsEfficiency, kernels,
                speeds, tables);
    }

    /**
     * {@return the same with measured times by shape}
     *
     * @param times measured times
     */
    Roofline with(KernelTables times) {
        return new Roofline(bytesPerSecond, flopsPerSecond, bandwidthEfficiency, flopsEfficiency, kernels, speeds,
                times);
    }

    /** {@return the same with kernels that take no time if they do nothing} */
    public Roofline withoutFixed() {
        return new Roofline(bytesPerSecond, flopsPerSecond, bandwidthEfficiency, flopsEfficiency,
                kernels.entrySet().stream()
                        .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().withoutFixed())),
                speeds, tables);
    }

    /** The same peaks, where moving, computing and fitted kernels take longer by a factor each. */
    Roofline off(double moving, double computing, double fitted) {
        return new Roofline(bytesPerSecond, flopsPerSecond, Math.min(1, bandwidthEfficiency / moving),
                Math.min(1, flopsEfficiency / computing),
                kernels.entrySet().stream()
                        .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().times(fitted))),
                speeds, tables);
    }

    /**
     * {@return how long an operation takes, relative to one with 16 bits}
     *
     * @param units units that multiply
     */
    public double relativeTime(Format.Units units) {
        return 1 / speeds.getOrDefault(units, 1.0);
    }

    /** The fixed part of an operation in seconds, inside a captured graph; 0 if it is not known. */
    double fixedSeconds(Operation operation) {
        KernelFit fit = kernels.get(operation);
        return fit == null ? 0 : fit.fixedSeconds();
    }

    /** How kernels of an operation follow the roofline. */
    KernelFit fit(Operation operation) {
        return kernels.getOrDefault(
                operation, new KernelFit(0, bandwidthEfficiency, flopsEfficiency, Double.POSITIVE_INFINITY));
    }

    double workSeconds(Operation operation, double bytes, double flops) {
        KernelFit fit = kernels.get(operation);
        return fit == null
                ? Math.max(
                        bytes / (bytesPerSecond * bandwidthEfficiency), flops / (flopsPerSecond * flopsEfficiency))
                : fit.workSeconds(bytes / bytesPerSecond, flops / flopsPerSecond);
    }

    /**
     * {@return the least time for some work in seconds: at peak rates, without a launch}
     *
     * @param bytes bytes moved
     * @param flops floating-point operations
     */
    public double boundSeconds(double bytes, double flops) {
        return Math.max(bytes / bytesPerSecond, flops / flopsPerSecond);
    }
}
