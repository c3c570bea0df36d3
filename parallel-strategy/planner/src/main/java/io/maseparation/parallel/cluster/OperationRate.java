package io.maseparation.parallel.cluster;

import java.util.List;

/**
 * What one operation reaches on a kind of device, measured.
 *
 * @param launchSeconds time that an execution takes however little it does
 * @param bytesPerSecond bytes moved per second, as its {@code OpCost} counts them
 * @param flopsPerSecond floating-point operations per second
 * @param secondsPerPosition least time for each position that a row of decode attention reads one after the other,
 *     however few rows there are; 0 if that is not a limit
 * @param shapes measured times by shape, as factors of this rate
 */
public record OperationRate(
        double launchSeconds,
        double bytesPerSecond,
        double flopsPerSecond,
        double secondsPerPosition,
        ShapeTimes shapes) {
    /**
     * A rate alone.
     *
     * @param launchSeconds time that an execution takes however little it does
     * @param bytesPerSecond bytes moved per second, as its {@code OpCost} counts them
     * @param flopsPerSecond floating-point operations per second
     * @param secondsPerPosition least time for each position that a row of decode attention reads; 0 if no limit
     */
    public OperationRate(
            double launchSeconds, double bytesPerSecond, double flopsPerSecond, double secondsPerPosition) {
        this(launchSeconds, bytesPerSecond, flopsPerSecond, secondsPerPosition, ShapeTimes.NONE);
    }

    OperationRate times(double factor) {
        return new OperationRate(launchSeconds * factor, bytesPerSecond / factor, flopsPerSecond / factor,
                secondsPerPosition * factor, shapes);
    }

    /**
     * {@return the same rate with times by shape}
     *
     * @param curves what was measured
     */
    public OperationRate with(List<ShapeTimes.Curve> curves) {
        return new OperationRate(launchSeconds, bytesPerSecond, flopsPerSecond, secondsPerPosition,
                ShapeTimes.of(curves, this));
    }

    /** {@return the same rate and factors with an execution that takes no time however little it does} */
    public OperationRate withoutLaunch() {
        return new OperationRate(0, bytesPerSecond, flopsPerSecond, secondsPerPosition, shapes);
    }

    /**
     * {@return the part of its time that grows with its work, in seconds}
     *
     * @param bytes bytes moved
     * @param flops floating-point operations
     * @param positions positions that a row reads one after the other
     */
    public double workSeconds(double bytes, double flops, double positions) {
        return Math.max(Math.max(bytes / bytesPerSecond, flops / flopsPerSecond), positions * secondsPerPosition);
    }
}
