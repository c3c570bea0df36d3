package io.maseparation.parallel.search;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.CollectiveTable;
import io.maseparation.parallel.cluster.LaunchTimes;
import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.simulate.MemoryFit;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.threads.ParallelMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * Simulates the leaders of a search again under other circumstances. It does not search again, so it does not find
 * layouts that are best only under those circumstances.
 */
final class WhatIf {
    private static final int FACTOR = 4;
    /** Leaders of a kind that are simulated. */
    private static final int LEADERS = 4;

    private static final int STEPS = 8;
    private static final int MOST_REMEMBERED = 1 << 14;

    private final SearchResult found;
    private final Trial trial;
    private final Map<Integer, RoutingModel> remembered = new ConcurrentHashMap<>();

    /** A change of circumstances; {@code batches} is the factor of each leader's batch. */
    private record Change(String what, Cluster cluster, int batches, int context) {}

    /** One simulation. */
    private record Rerun(Change change, LayoutKind kind, Evaluation leader) {}

    private record Outcome(Change change, LayoutKind kind, double score) {}

    private WhatIf(SearchResult found) {
        this.found = found;
        trial = new Trial(found.request());
    }

    /** The leaders' best scores under each change that the model and the memory allow. */
    static List<Verdict.Change> of(SearchResult found) {
        return new WhatIf(found).changes();
    }

    private List<Verdict.Change> changes() {
        List<Rerun> runs = new ArrayList<>();
        List<Change> changes = list();
        for (Change change : changes) {
            found.leaders().entrySet().stream().sorted(Map.Entry.comparingByKey()).forEach(kind -> kind.getValue()
                    .stream()
                    .limit(LEADERS)
                    .forEach(leader -> runs.add(new Rerun(change, kind.getKey(), leader))));
        }
        Map<Change, List<Outcome>> outcomes = new ParallelMap(
                "search", found.request().threads(), () -> {})
                .map(runs, this::simulate).stream()
                .flatMap(Optional::stream)
                .collect(Collectors.groupingBy(Outcome::change));
        List<Verdict.Change> results = new ArrayList<>();
        for (Change change : changes) {
            List<Outcome> of = outcomes.getOrDefault(change, List.of());
            OptionalDouble separated =
                    of.stream().filter(o -> o.kind().separates()).mapToDouble(Outcome::score).min();
            OptionalDouble colocated =
                    of.stream().filter(o -> !o.kind().separates()).mapToDouble(Outcome::score).min();
            if (separated.isPresent() && colocated.isPresent()) {
                results.add(new Verdict.Change(change.what(), separated.getAsDouble(), colocated.getAsDouble()));
            }
        }
        return results;
    }

    /** A leader's score under a change; empty if it no longer fits. */
    private Optional<Outcome> simulate(Rerun rerun) {
        if (found.request().deadline().passed(1)) {
            return Optional.empty();
        }
        try {
            Simulation changed = new Simulation(
                    rerun.leader().result().simulation().plan(), rerun.change().cluster(), changed(rerun));
            // Models of fewer layers do not tell.
            new MemoryFit(changed).check();
            double tpot = trial.roughTpotMs(changed);
            double score = found.request().goal().objective()
                    .score(tpot, changed.scenario().batch(), changed.pricePerHour());
            return Optional.of(new Outcome(rerun.change(), rerun.kind(), score));
        } catch (PlanException e) {
            return Optional.empty();
        }
    }

    private List<Change> list() {
        SearchRequest request = found.request();
        Cluster cluster = request.cluster();
        int context = request.scenario().context();
        int longest = request.config().maxPositions();
        // Longer; shorter if the context is already the longest that the model allows.
        int other = context < longest
                ? (int) Math.min(longest, (long) FACTOR * context)
                : Math.max(1, context / FACTOR);
        return List.of(
                new Change(request.goal().anyBatch()
                        ? "%d times the batch".formatted(FACTOR)
                        : "batch %d".formatted(FACTOR * request.scenario().batch()),
                        cluster, FACTOR, context),
                new Change("context %d".formatted(other), cluster, 1, other),
                new Change("launches that take no time", withoutLaunches(cluster), 1, context),
                new Change("links of %d times the bandwidth".formatted(FACTOR), withFasterLinks(cluster), 1, context));
    }

    private Scenario changed(Rerun rerun) {
        Scenario s = rerun.leader().result().simulation().scenario();
        int batch = rerun.change().batches() * s.batch();
        RoutingModel routing = remembered.computeIfAbsent(
                batch, rows -> s.routing().remembering(Math.min(rows, MOST_REMEMBERED)));
        return s.with(batch, rerun.change().context())
                .withRouting(routing, s.seed())
                .withSteps(Math.min(trial.byFewerLayers() ? STEPS / 2 : STEPS, s.steps()), s.warmup());
    }

    static Cluster withoutLaunches(Cluster c) {
        return c.withKinds(kind -> kind.with(kind.roofline().withoutFixed(), LaunchTimes.NONE,
                kind.hostBytesPerSecond(),
                OperationRate::withoutLaunch));
    }

    /** In a measured table, the part of a time above the first one is due to bandwidth. */
    static Cluster withFasterLinks(Cluster c) {
        return c.withLinks(c.links().times(FACTOR, 1), c.collectives().stream()
                .map(t -> new CollectiveTable(t.operation(), t.implementation(), t.devices(), t.points().stream()
                        .map(p -> new CollectiveTable.Point(p.bytes(), t.points().getFirst().seconds()
                                + (p.seconds() - t.points().getFirst().seconds()) / FACTOR))
                        .toList()))
                .toList());
    }
}
