package io.maseparation.parallel.cluster;

/**
 * How kernels of an operation follow the roofline of their device, fitted to measured times: {@code fixed + (tb^p +
 * tf^p)^(1/p)}, where tb are the bytes over the bandwidth that is reached and tf the floating-point operations over the
 * rate that is reached. The plain maximum, as if one were wholly hidden behind the other, is too short where both take
 * about as long.
 *
 * @param fixedSeconds fixed cost of an execution inside a captured graph, including the gap after the kernel before it
 * @param bandwidthEfficiency share of the peak bandwidth that kernels reach, above 0 and at most 1
 * @param flopsEfficiency share of the peak rate that kernels reach, above 0 and at most 1
 * @param overlapExponent p: 1 if bytes and operations take their times one after the other, infinite if the longer one
 *     hides the other
 */
public record KernelFit(
        double fixedSeconds, double bandwidthEfficiency, double flopsEfficiency, double overlapExponent) {
    /** Checks that times are convex in bytes and operations, on which lower bounds rely. */
    public KernelFit {
        if (!(fixedSeconds >= 0) || !(overlapExponent >= 1)) {
            throw new IllegalArgumentException(
                    "fixed part %s s, overlap exponent %s".formatted(fixedSeconds, overlapExponent));
        }
    }

    /** {@return the same without a fixed part} */
    public KernelFit withoutFixed() {
        return new KernelFit(0, bandwidthEfficiency, flopsEfficiency, overlapExponent);
    }

    /** The same where everything takes longer by a factor; below 1, shares may exceed 1. */
    KernelFit times(double factor) {
        return new KernelFit(
                fixedSeconds * factor, bandwidthEfficiency / factor, flopsEfficiency / factor, overlapExponent);
    }

    /**
     * {@return a bound that the times by this fit ÷ those by another one are not below}
     *
     * @param of the other fit
     * @param bytesShare least share of the bytes that this one counts
     */
    double leastRatio(KernelFit of, double bytesShare) {
        // Where bytes and operations take equally long, the sum of a larger exponent is smaller.
        double overlap = of.overlapExponent >= overlapExponent
                ? 1
                : Math.pow(2, 1 / overlapExponent - 1 / of.overlapExponent);
        return Math.min(of.fixedSeconds == 0 ? 1 : fixedSeconds / of.fixedSeconds,
                overlap * Math.min(bytesShare * of.bandwidthEfficiency / bandwidthEfficiency,
                        of.flopsEfficiency / flopsEfficiency));
    }

    double workSeconds(double bytesSeconds, double flopsSeconds) {
        double moving = bytesSeconds / bandwidthEfficiency;
        double computing = flopsSeconds / flopsEfficiency;
        double longer = Math.max(moving, computing);
        double shorter = Math.min(moving, computing);
        if (shorter == 0 || overlapExponent == Double.POSITIVE_INFINITY) {
            return longer;
        }
        return longer * Math.pow(1 + Math.pow(shorter / longer, overlapExponent), 1 / overlapExponent);
    }
}
