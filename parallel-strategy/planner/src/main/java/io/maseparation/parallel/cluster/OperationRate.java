package io.maseparation.parallel.cluster;

/**
 * What one operation reaches on a kind of device, measured.
 *
 * @param launchSeconds time that an execution takes however little it does
 * @param bytesPerSecond bytes it moves, by the count of its {@code OpCost}
 * @param flopsPerSecond floating-point operations it does
 * @param secondsPerPosition least time for each position that a row of decode attention sees one after the other,
 *     however few rows there are; 0 where that is no limit
 */
public record OperationRate(
        double launchSeconds, double bytesPerSecond, double flopsPerSecond, double secondsPerPosition) {
    /**
     * The part of its time that grows with its work, in seconds.
     *
     * @param bytes bytes moved
     * @param flops floating-point operations
     * @param positions positions seen one after the other
     */
    public double workSeconds(double bytes, double flops, double positions) {
        return Math.max(Math.max(bytes / bytesPerSecond, flops / flopsPerSecond), positions * secondsPerPosition);
    }
}
