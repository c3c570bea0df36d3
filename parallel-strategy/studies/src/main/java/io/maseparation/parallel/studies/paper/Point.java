package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.simulate.SimulationResult;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * What is kept of a simulation.
 *
 * @param setup layout and batching
 * @param tpotMs TPOT
 * @param tps TPS
 * @param busy mean busy share of all ranks
 * @param mbu MBU
 * @param memoryEfficiency memory efficiency
 * @param regime largest part of the critical path
 */
record Point(
        Setup setup, double tpotMs, double tps, double busy, double mbu, double memoryEfficiency, String regime) {

    static Point of(Setup setup, SimulationResult result) {
        return new Point(setup, result.tpotMs(), result.tps(), result.busy(), result.use().mbu(),
                result.use().memoryEfficiency(), result.regime().id());
    }

    /** Name of the layout, with micro-batches. */
    String name() {
        return setup.name();
    }

    /** Whether attention and experts are apart. */
    boolean isSeparated() {
        return setup.layout() instanceof Layout.Separated;
    }

    /** The layout of a point that has attention and experts apart. */
    Layout.Separated separated() {
        return (Layout.Separated) setup.layout();
    }

    int microBatches() {
        return setup.batching().microBatches();
    }

    /** The point with the least TPOT. */
    static Optional<Point> fastest(List<Point> points) {
        return points.stream().min(Comparator.comparingDouble(Point::tpotMs));
    }
}
