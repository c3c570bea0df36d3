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
                bytesPerSecond * bandwidth, flopsPerSecond * flops, bandwidthEfficiency, flopsEfficiency);
    }

    double workSeconds(double bytes, double flops) {
        return Math.max(bytes / (bytesPerSecond * bandwidthEfficiency), flops / (flopsPerSecond * flopsEfficiency));
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
