package io.maseparation.parallel.studies.policies;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.OperationRate;

/**
 * What a change of layout costs. What other devices need is copied while steps go on: byte after byte over one link, of
 * which copying takes a share. Meanwhile all steps have only the rest of every link, and the memory bandwidth of every
 * device less what is copied, whether or not they take part. Then no step runs for a moment.
 *
 * @param linkShare share of a link's bandwidth that copies take, above 0 and below 1
 * @param pauseSeconds time without steps at each change, at least 0: ranks are exchanged, and positions appended in the
 *     meantime are copied
 */
public record MigrationModel(double linkShare, double pauseSeconds) {
    /** Half of a link. */
    public static final double DEFAULT_SHARE = 0.5;

    /** An assumption: about as long as starting a few captured graphs on every device. */
    public static final double DEFAULT_PAUSE_SECONDS = 5e-3;

    /** Least share of its memory bandwidth that a device keeps. */
    private static final double LEAST_MEMORY = 0.1;

    public MigrationModel {
        if (!(linkShare > 0 && linkShare < 1) || !(pauseSeconds >= 0) || Double.isInfinite(pauseSeconds)) {
            throw new IllegalArgumentException(
                    "the link share must be above 0 and below 1, and the pause at least 0 s, but they are %s and %s s"
                            .formatted(linkShare, pauseSeconds));
        }
    }

    /** Seconds that copying takes; across nodes at the rate between nodes, wherever the bytes go. */
    double copySeconds(Cluster cluster, long bytes) {
        return bytes / (linkShare * cluster.farthestLink().bytesPerSecond());
    }

    /** What is left of a cluster for steps while something is copied. */
    Cluster meanwhile(Cluster cluster) {
        double copied = linkShare * cluster.farthestLink().bytesPerSecond();
        return cluster
                .withKinds(kind -> meanwhile(kind, copied))
                .withLinks(cluster.links().times(1 - linkShare, 1), cluster.collectives());
    }

    private DeviceKind meanwhile(DeviceKind kind, double copied) {
        double left = Math.max(LEAST_MEMORY, 1 - copied / kind.roofline().bytesPerSecond());
        return kind.with(
                kind.roofline().times(left, 1),
                kind.launches(),
                kind.hostBytesPerSecond() * (1 - linkShare),
                rate -> new OperationRate(
                        rate.launchSeconds(),
                        rate.bytesPerSecond() * left,
                        rate.flopsPerSecond(),
                        rate.secondsPerPosition() / left,
                        rate.shapes()));
    }
}
