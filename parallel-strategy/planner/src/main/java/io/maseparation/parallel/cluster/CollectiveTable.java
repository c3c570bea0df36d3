package io.maseparation.parallel.cluster;

import io.maseparation.files.Identified;
import java.util.List;

/**
 * Measured times of a collective over several devices of one node.
 *
 * @param operation which collective
 * @param implementation whose times they are
 * @param devices number of devices measured
 * @param points bytes of one device's buffer and seconds, ascending in bytes; at least one
 */
public record CollectiveTable(Operation operation, Collectives implementation, int devices, List<Point> points) {

    /** A collective. */
    public enum Operation implements Identified {
        /** Every device gets the sum of all devices' buffers. */
        ALL_REDUCE,
        /** Every device sends a part of its buffer to every other one. */
        ALL_TO_ALL;

        @Override
        public String id() {
            return Identified.super.id().replace('_', '-');
        }
    }

    /**
     * One measurement.
     *
     * @param bytes bytes of one device's buffer
     * @param seconds time of the whole collective
     */
    public record Point(double bytes, double seconds) {}

    /** Copies the points. */
    public CollectiveTable {
        points = List.copyOf(points);
    }

    /** The same where everything takes longer by a factor. */
    CollectiveTable times(double factor) {
        return new CollectiveTable(operation, implementation, devices,
                points.stream().map(p -> new Point(p.bytes(), p.seconds() * factor)).toList());
    }

    /**
     * {@return the time in seconds: interpolated between measured sizes, linear in the logarithms of both, and outside
     * the table that of its nearest end}
     *
     * @param bytes bytes of one device's buffer
     */
    public double seconds(double bytes) {
        Point before = points.getFirst();
        for (Point point : points) {
            if (point.bytes() >= bytes) {
                if (bytes <= before.bytes()) {
                    return before.seconds();
                }
                double share = Math.log(bytes / before.bytes()) / Math.log(point.bytes() / before.bytes());
                return before.seconds() * Math.pow(point.seconds() / before.seconds(), share);
            }
            before = point;
        }
        return before.seconds();
    }
}
