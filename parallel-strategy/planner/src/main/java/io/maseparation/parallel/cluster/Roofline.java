package io.maseparation.parallel.cluster;

/**
 * Peak rates of a device and the share of them that kernels reach.
 *
 * @param bytesPerSecond peak bandwidth of its memory
 * @param flopsPerSecond peak rate of 16-bit dense matrix products
 * @param bandwidthEfficiency share of the peak bandwidth that kernels reach, above 0 and at most 1
 * @param flopsEfficiency share of the peak rate that kernels reach, above 0 and at most 1
 */
public record Roofline(
        double bytesPerSecond, double flopsPerSecond, double bandwidthEfficiency, double flopsEfficiency) {

    /** Kernels that reach the peaks. */
    public static Roofline peak(double bytesPerSecond, double flopsPerSecond) {
        return new Roofline(bytesPerSecond, flopsPerSecond, 1, 1);
    }

    /** The same with so many times the memory bandwidth and the rate of operations. */
    public Roofline times(double bandwidth, double flops) {
        return new Roofline(
                bytesPerSecond * bandwidth, flopsPerSecond * flops, bandwidthEfficiency, flopsEfficiency);
    }

    double workSeconds(double bytes, double flops) {
        return Math.max(bytes / (bytesPerSecond * bandwidthEfficiency), flops / (flopsPerSecond * flopsEfficiency));
    }

    /** The least time for some work: at peak, without launch, in seconds. */
    public double boundSeconds(double bytes, double flops) {
        return Math.max(bytes / bytesPerSecond, flops / flopsPerSecond);
    }
}
