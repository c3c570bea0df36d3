package io.maseparation.parallel.cluster;

/**
 * What the host adds to the time of operations.
 *
 * @param eagerSeconds added to an operation that the host launches by itself
 * @param graphSeconds added to an operation inside a captured graph
 * @param startSeconds time to start a captured graph, or what else a segment costs besides its operations
 */
public record LaunchTimes(double eagerSeconds, double graphSeconds, double startSeconds) {
    /** A host that takes no time. */
    public static final LaunchTimes NONE = new LaunchTimes(0, 0, 0);

    LaunchTimes times(double factor) {
        return new LaunchTimes(eagerSeconds * factor, graphSeconds * factor, startSeconds * factor);
    }

    double seconds(Launch launch) {
        return launch == Launch.EAGER ? eagerSeconds : graphSeconds;
    }
}
