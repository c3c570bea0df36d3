package io.maseparation.parallel.cluster;

/**
 * What one operation reaches on a kind of device, measured.
 *
 * @param launchSeconds time that an execution takes however little it does
 * @param bytesPerSecond bytes moved per second, as its {@code OpCost} counts them
 * @param flopsPerSecond floating-point operations per second
 * @param secondsPerPosition least time for each position that a row of decode attention reads one after the other,
 *     however few rows there are; 0 if that is not a limit
 */
public record OperationRate(
        double launchSeconds, double bytesPerSecond, double flopsPerSecond, double secondsPerPosition) {
    OperationRate times(double factor) {
        return new OperationRate(launchSeconds * factor, bytesPerSecond / factor, flopsPerSecond / factor,
                secondsPerPosition * factor);
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
