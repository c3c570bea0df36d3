package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.threads.ParallelMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/** Many simulations on all cores. What comes out does not depend on how many there are. */
final class Sweep {
    /** Plans of more ranks are built anew: they are large, and used once. */
    private static final int RANKS_KEPT = 32;

    private final ParallelMap threads;
    private final Map<Laid, Plan> plans = new ConcurrentHashMap<>();

    /** A model laid out. */
    private record Laid(ModelConfig config, Setup setup) {}

    /**
     * @param threads number of threads
     * @param done called by any of them after each item
     */
    Sweep(int threads, Runnable done) {
        this.threads = new ParallelMap("sweep", threads, done);
    }

    /** One result per item, in the order of the items. */
    <T, R> List<R> map(List<T> items, Function<T, R> work) {
        return threads.map(items, work);
    }

    /** The results for some items, any number for each, in the order of the items. */
    <T, R> List<R> flatMap(List<T> items, Function<T, List<R>> work) {
        return map(items, work).stream().flatMap(List::stream).toList();
    }

    /** Simulates a layout; nothing if the model cannot be laid out this way or does not fit. */
    Optional<Point> simulate(ModelConfig config, Setup layout, Cluster cluster, Scenario scenario) {
        try {
            Simulation simulation = new Simulation(plan(config, layout), cluster, scenario);
            return Optional.of(Point.of(layout, simulation.run(false)));
        } catch (PlanException e) {
            return Optional.empty();
        }
    }

    /** Those of some layouts that can be simulated. */
    List<Point> simulate(ModelConfig config, List<Setup> layouts, Cluster cluster, Scenario scenario) {
        return layouts.stream()
                .flatMap(layout -> simulate(config, layout, cluster, scenario).stream())
                .toList();
    }

    /** A plan, built once. */
    Plan plan(ModelConfig config, Setup setup) {
        if (setup.layout().ranks() > RANKS_KEPT) {
            return Planning.plan(config, setup);
        }
        return plans.computeIfAbsent(new Laid(config, setup), l -> Planning.plan(l.config(), l.setup()));
    }
}
