package io.maseparation.parallel.search;

import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.threads.ParallelMap;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Searches for the best layout. Every layout gets a lower bound. In the order of their bounds, layouts are simulated
 * for a few steps, unless the bound says that they cannot be among the best of their kind. The leaders of each kind are
 * simulated again for as many steps as requested, and the best of those wins. Which candidates become leaders does not
 * depend on the order in which threads process them, since a bound is never above the value that it bounds.
 */
public final class Planner {
    /** A candidate within this factor of the best after a few steps is simulated again. */
    private static final double NEAR = 1.03;

    /**
     * What is added to that factor, divided by the square root of the number of choices of experts in those steps: the
     * mean of few choices varies more.
     */
    private static final double SPREAD = 0.3;

    private static final int FEW_STEPS = 4;
    /** Most layouts of a kind that are simulated again. */
    private static final int LEADERS = 10;
    /** Most choices of experts that are kept: 128 MiB. */
    private static final int MOST_REMEMBERED = 1 << 25;

    private final SearchRequest request;
    private final double margin;

    private Planner(SearchRequest request) {
        this.request = request;
        double choices = (double) FEW_STEPS * request.scenario().batch() * Math.max(1, request.config().maxSlots());
        margin = NEAR + (request.goal().anyBatch() ? 0 : SPREAD / Math.sqrt(choices));
    }

    /**
     * Finds the best layouts of every kind.
     *
     * @param request what to search for
     * @return what was found; it has at least one layout
     * @throws PlanException if no layout is possible: the model cannot be divided as asked, does not fit, or keeps no
     *     such limit
     */
    public static SearchResult search(SearchRequest request) {
        SearchResult result = new Planner(request).run(false);
        if (result.leaders().isEmpty()) {
            throw new PlanException(nothing(request));
        }
        return result;
    }

    /**
     * Finds the best layout: the same as {@code search(request).best()}, with less work, since the best of each kind is
     * not needed.
     *
     * @param request what to search for
     * @return empty if the model cannot be divided as asked, does not fit, or keeps no such limit
     */
    public static Optional<Evaluation> best(SearchRequest request) {
        SearchResult result = new Planner(request).run(true);
        return result.leaders().isEmpty() ? Optional.empty() : Optional.of(result.best());
    }

    private static String nothing(SearchRequest request) {
        if (Double.isInfinite(request.goal().tpotLimitMs())) {
            return Trial.whyNothingFits(request);
        }
        Scenario one = request.goal().anyBatch() ? Trial.withBatch(request.scenario(), 1) : request.scenario();
        Optional<Evaluation> fastest = best(request.with(Goal.LEAST_TPOT).with(one));
        return fastest.map(f -> "no layout of %s on cluster %s keeps a TPOT of %s ms; the least is %.3f ms, with %s"
                .formatted(
                        request.config().name(),
                        request.cluster().name(),
                        request.goal().tpotLimitMs(),
                        f.result().tpotMs(),
                        f.layout().setup().layout().title()))
                .orElseGet(() -> Trial.whyNothingFits(request));
    }

    /**
     * @param together whether all kinds compete with each other; then only the best layout of all is certainly found
     */
    private SearchResult run(boolean together) {
        Scenario remembering = remembering();
        Scenario few = remembering.withSteps(Math.min(FEW_STEPS, remembering.steps()), 1);
        List<PlacedLayout> layouts = SearchedLayouts.of(request);
        Trial trial = new Trial(request);
        long all = 2L * layouts.size();
        AtomicLong done = new AtomicLong();
        ParallelMap threads = new ParallelMap(
                "search",
                request.threads(),
                () -> request.progress().at(Math.min(all, done.incrementAndGet()), all));
        List<Trial.Prospect> prospects = threads.map(layouts, l -> trial.prospect(l, few)).stream()
                .flatMap(Optional::stream)
                .sorted(Comparator.comparingDouble(Trial.Prospect::bound))
                .toList();
        Incumbents incumbents = new Incumbents(together);
        List<Evaluation> tried = threads.map(prospects, p -> tried(trial, p, few, incumbents)).stream()
                .flatMap(Optional::stream)
                .toList();
        Map<LayoutKind, List<Evaluation>> leaders = new EnumMap<>(LayoutKind.class);
        for (LayoutKind kind : LayoutKind.values()) {
            List<Evaluation> near = tried.stream()
                    .filter(e -> kind.has(e.layout().setup()) && incumbents.near(kind, e.score(), margin))
                    .sorted(Comparator.comparingDouble(Evaluation::score))
                    .limit(LEADERS)
                    .toList();
            List<Evaluation> again = threads.map(near, e -> trial.again(e, remembering)).stream()
                    .flatMap(Optional::stream)
                    .sorted(Comparator.comparingDouble(Evaluation::score))
                    .toList();
            if (!again.isEmpty()) {
                leaders.put(kind, again);
            }
        }
        return new SearchResult(request, leaders, layouts.size(), layouts.size() - prospects.size(), tried.size());
    }

    private Optional<Evaluation> tried(Trial trial, Trial.Prospect prospect, Scenario few, Incumbents incumbents) {
        Setup setup = prospect.layout().setup();
        if (incumbents.beyond(setup, prospect.bound(), margin)) {
            return Optional.empty();
        }
        Optional<Evaluation> evaluation = trial.evaluate(prospect, few);
        evaluation.ifPresent(e -> incumbents.offer(setup, e.score()));
        return evaluation;
    }

    private Scenario remembering() {
        Scenario scenario = request.scenario();
        long numbers = (long) (scenario.steps() + scenario.warmup())
                * request.config().layers().size()
                * Math.max(1, request.config().maxSlots());
        int rows = (int) Math.min(request.goal().anyBatch() ? MOST_REMEMBERED : scenario.batch(),
                MOST_REMEMBERED / numbers);
        return scenario.withRouting(scenario.routing().remembering(rows), scenario.seed());
    }
}
