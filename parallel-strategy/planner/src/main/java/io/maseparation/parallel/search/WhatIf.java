package io.maseparation.parallel.search;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.CollectiveTable;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulator;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * Simulates the leaders of a search again under other circumstances. It does not search again: layouts that are best
 * only under those circumstances are not among them.
 */
final class WhatIf {
    private static final int FACTOR = 4;
    /** Leaders of a kind that are simulated. */
    private static final int LEADERS = 4;

    private static final int STEPS = 8;
    private static final int MOST_REMEMBERED = 1 << 14;

    private final SearchResult found;
    private final Workers workers;
    private final Map<Integer, RoutingModel> remembered = new ConcurrentHashMap<>();

    /** A change to what was searched for; each leader keeps its batch, or has so many times that. */
    private record Change(String what, Cluster cluster, int batches, int context) {}

    /** One simulation. */
    private record Run(Change change, Kind kind, Evaluation leader) {}

    private record Outcome(Change change, Kind kind, double score) {}

    private WhatIf(SearchResult found) {
        this.found = found;
        workers = new Workers(found.request().withProgress((done, all) -> {}), 0);
    }

    /** What the leaders come to under each change that the model and the memory allow. */
    static List<Verdict.Change> of(SearchResult found) {
        return new WhatIf(found).changes();
    }

    private List<Verdict.Change> changes() {
        List<Run> runs = new ArrayList<>();
        List<Change> changes = list();
        for (Change change : changes) {
            found.leaders().entrySet().stream().sorted(Map.Entry.comparingByKey()).forEach(kind -> kind.getValue()
                    .stream()
                    .limit(LEADERS)
                    .forEach(leader -> runs.add(new Run(change, kind.getKey(), leader))));
        }
        Map<Change, List<Outcome>> outcomes = workers.map(runs, this::simulate).stream()
                .filter(Objects::nonNull)
                .collect(Collectors.groupingBy(Outcome::change));
        List<Verdict.Change> results = new ArrayList<>();
        for (Change change : changes) {
            List<Outcome> of = outcomes.getOrDefault(change, List.of());
            OptionalDouble separated =
                    of.stream().filter(o -> o.kind() == Kind.MA).mapToDouble(Outcome::score).min();
            OptionalDouble colocated =
                    of.stream().filter(o -> o.kind() != Kind.MA).mapToDouble(Outcome::score).min();
            if (separated.isPresent() && colocated.isPresent()) {
                results.add(new Verdict.Change(change.what(), separated.getAsDouble(), colocated.getAsDouble()));
            }
        }
        return results;
    }

    private Outcome simulate(Run run) {
        SearchRequest request = found.request();
        Scenario changed = changed(run);
        try {
            double tpot = Simulator.run(
                    run.leader().candidate().plan(request.config()),
                    run.change().cluster(),
                    changed,
                    false)
                    .tpotMs();
            double price = run.leader().candidate().pricePerHour(request.cluster());
            return new Outcome(
                    run.change(), run.kind(), request.objective().score(tpot, changed.batch(), price));
        } catch (PlanException e) {
            // Does not fit any more.
            return null;
        }
    }

    private List<Change> list() {
        SearchRequest request = found.request();
        Cluster cluster = request.cluster();
        int context = request.scenario().context();
        int longest = request.config().maxPositions();
        // Longer, or shorter where the model ends here.
        int other = context < longest
                ? (int) Math.min(longest, (long) FACTOR * context)
                : Math.max(1, context / FACTOR);
        return List.of(
                new Change(request.anyBatch()
                        ? "%d times the batch".formatted(FACTOR)
                        : "batch %d".formatted(FACTOR * request.scenario().batch()),
                        cluster, FACTOR, context),
                new Change("context %d".formatted(other), cluster, 1, other),
                new Change("launches that take no time", withoutLaunches(cluster), 1, context),
                new Change("links of %d times the bandwidth".formatted(FACTOR), withFasterLinks(cluster), 1, context));
    }

    private Scenario changed(Run run) {
        Scenario s = run.leader().scenario();
        int batch = run.change().batches() * s.batch();
        RoutingModel routing = remembered.computeIfAbsent(
                batch, rows -> s.routing().remembering(Math.min(rows, MOST_REMEMBERED)));
        return new Scenario(batch, run.change().context(), s.launch(), s.collectives(), routing, s.seed(),
                Math.min(STEPS, s.steps()), s.warmup(), s.lmHead(), s.kvType(), s.activationBytes(), s.prefillChunk());
    }

    static Cluster withoutLaunches(Cluster c) {
        List<DeviceKind> kinds = c.kinds().stream()
                .map(k -> new DeviceKind(k.name(), k.memoryBytes(), k.bytesPerSecond(), k.flopsPerSecond(),
                        k.bandwidthEfficiency(), k.flopsEfficiency(), 0, 0, 0, k.pricePerHour(), k.hostBytesPerSecond(),
                        k.measured().entrySet().stream()
                                .collect(Collectors.toMap(Map.Entry::getKey, e -> new OperationRate(
                                        0, e.getValue().bytesPerSecond(), e.getValue().flopsPerSecond(),
                                        e.getValue().secondsPerPosition())))))
                .toList();
        return new Cluster(c.name(), c.description(), kinds, c.devices(), c.intraNode(), c.interNode(),
                c.nodeUplinkBytesPerSecond(), c.host(), c.collectives(), c.sources());
    }

    /** Of a measured table, what its times have beyond the first one is bandwidth. */
    static Cluster withFasterLinks(Cluster c) {
        List<CollectiveTable> tables = c.collectives().stream()
                .map(t -> new CollectiveTable(t.operation(), t.implementation(), t.devices(), t.points().stream()
                        .map(p -> new CollectiveTable.Point(p.bytes(), t.points().getFirst().seconds()
                                + (p.seconds() - t.points().getFirst().seconds()) / FACTOR))
                        .toList()))
                .toList();
        return new Cluster(c.name(), c.description(), c.kinds(), c.devices(), faster(c.intraNode()),
                faster(c.interNode()), FACTOR * c.nodeUplinkBytesPerSecond(), c.host(), tables,
                c.sources());
    }

    private static Link faster(Link link) {
        return new Link(link.latencySeconds(), FACTOR * link.bytesPerSecond());
    }
}
