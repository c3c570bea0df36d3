package io.maseparation.parallel.cluster;

/**
 * What one operation reaches on a kind of device, measured.
 *
 * @param launchSeconds time that an execution takes however little it does
 * @param bytesPerSecond bytes it moves, by the count of its {@code OpCost}
 * @param flopsPerSecond floating-point operations it does
 */
public record OperationRate(double launchSeconds, double bytesPerSecond, double flopsPerSecond) {}
