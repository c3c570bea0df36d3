package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulator;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/** Many simulations on all cores. What comes out does not depend on how many there are. */
final class Sweep implements AutoCloseable {
    /** Plans of more ranks are built anew: they are large, and used once. */
    private static final int RANKS_KEPT = 32;

    private final ExecutorService threads;
    private final Runnable done;
    private final Map<Laid, Plan> plans = new ConcurrentHashMap<>();

    /** A model laid out. */
    private record Laid(ModelConfig config, Setup setup) {}

    /**
     * @param threads number of threads
     * @param done called by any of them after each item
     */
    Sweep(int threads, Runnable done) {
        this.threads = Executors.newFixedThreadPool(
                threads, Thread.ofPlatform().daemon().name("sweep-", 0).factory());
        this.done = done;
    }

    /** The results for some items, in their order. */
    <T, R> List<R> map(List<T> items, Function<T, R> work) {
        List<Future<R>> futures = new ArrayList<>();
        for (T item : items) {
            futures.add(threads.submit(() -> {
                R result = work.apply(item);
                done.run();
                return result;
            }));
        }
        List<R> results = new ArrayList<>();
        try {
            for (Future<R> future : futures) {
                results.add(future.get());
            }
        } catch (ExecutionException e) {
            futures.forEach(f -> f.cancel(true));
            switch (e.getCause()) {
                case RuntimeException failure -> throw failure;
                case Error failure -> throw failure;
                default -> throw new IllegalStateException(e.getCause());
            }
        } catch (InterruptedException e) {
            futures.forEach(f -> f.cancel(true));
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted");
        }
        return results;
    }

    /** Simulates a layout; nothing if the model cannot be laid out this way or does not fit. */
    Optional<Point> simulate(ModelConfig config, Candidate candidate, Cluster cluster, Scenario scenario) {
        try {
            Plan plan = plan(config, candidate.setup());
            return Optional.of(Point.of(candidate, Simulator.run(plan, cluster, scenario, false)));
        } catch (PlanException e) {
            return Optional.empty();
        }
    }

    /** Those of some layouts that can be simulated. */
    List<Point> simulate(ModelConfig config, List<Candidate> candidates, Cluster cluster, Scenario scenario) {
        return candidates.stream()
                .map(c -> simulate(config, c, cluster, scenario))
                .flatMap(Optional::stream)
                .toList();
    }

    /** A plan, built once. */
    Plan plan(ModelConfig config, Setup setup) {
        if (setup.layout().ranks() > RANKS_KEPT) {
            return Planning.plan(config, setup);
        }
        return plans.computeIfAbsent(new Laid(config, setup), l -> Planning.plan(l.config(), l.setup()));
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
