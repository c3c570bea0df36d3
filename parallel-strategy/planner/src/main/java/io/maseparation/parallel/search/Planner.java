package io.maseparation.parallel.search;

import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SharedLoads;
import io.maseparation.parallel.threads.ParallelMap;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Searches for the best layout. Every layout gets a lower bound. In the order of their bounds, layouts are simulated
 * for a few steps, unless the bound says that they cannot be among the best of their kind. The leaders of each kind are
 * simulated again for as many steps as requested, and the best of those wins. Where nodes make a difference, rows are
 * sent to each rank or once to each node, whatever an estimate says is faster, and leaders are tried with either. Which
 * candidates become leaders does not depend on the order in which threads process them, since a bound is never above
 * the value that it bounds.
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
    /** The same of a model of many layers, whose mean over steps hardly varies. */
    private static final int LEADERS_OF_LONG_MODELS = 2;

    private static final double NEAR_OF_LONG_MODELS = 1.01;
    /** Shares of a limited time after which no more layouts are bounded, simulated, and simulated again. */
    private static final double BOUNDED = 0.35;

    private static final double SIMULATED = 0.7;
    private static final double AGAIN = 0.9;
    /** Most choices of experts that are kept: 128 MiB. */
    private static final int MOST_REMEMBERED = 1 << 25;

    private final SearchRequest request;
    private final double margin;
    private final Trial trial;
    private final AtomicBoolean bounded = new AtomicBoolean();
    private final AtomicInteger notBounded = new AtomicInteger();
    private final AtomicInteger notSimulated = new AtomicInteger();
    private final AtomicInteger simulated = new AtomicInteger();
    private final AtomicInteger notAgain = new AtomicInteger();

    private Planner(SearchRequest request) {
        this.request = request;
        trial = new Trial(request);
        double choices = (double) FEW_STEPS * request.scenario().batch() * Math.max(1, request.config().maxSlots());
        margin = (trial.byFewerLayers() ? NEAR_OF_LONG_MODELS : NEAR)
                + (request.goal().anyBatch() ? 0 : SPREAD / Math.sqrt(choices));
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
            if (result.untried().any()) {
                throw new PlanException("no layout of %s on cluster %s was found possible in time: raise the time limit"
                        .formatted(request.config().name(), request.cluster().name()));
            }
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
                        f.layout().setup().layout().name()))
                .orElseGet(() -> Trial.whyNothingFits(request));
    }

    /**
     * @param together whether all kinds compete with each other; then only the best layout of all is certainly found
     */
    private SearchResult run(boolean together) {
        Scenario remembering = request.scenario().withRouting(remembering(request), request.scenario().seed());
        Scenario few = remembering.withSteps(Math.min(FEW_STEPS, remembering.steps()), 1);
        List<PlacedLayout> layouts = SearchedLayouts.of(request);
        if (request.deadline().exists()) {
            layouts = spread(layouts);
        }
        long all = 2L * layouts.size();
        AtomicLong done = new AtomicLong();
        ParallelMap threads = new ParallelMap(
                "search",
                request.threads(),
                () -> request.progress().at(Math.min(all, done.incrementAndGet()), all));
        List<Trial.Prospect> prospects = threads.map(layouts, l -> prospect(l, few)).stream()
                .flatMap(Optional::stream)
                .sorted(Comparator.comparingDouble(Trial.Prospect::bound))
                .toList();
        int refused = layouts.size() - prospects.size() - notBounded.get();
        done.set(layouts.size());
        Incumbents incumbents = new Incumbents(together);
        List<Trial.Tried> tried = threads.map(prospects, p -> tried(p, few, incumbents)).stream()
                .flatMap(Optional::stream)
                .toList();
        Map<LayoutKind, List<Evaluation>> leaders = new EnumMap<>(LayoutKind.class);
        Map<LayoutKind, List<Trial.Tried>> near = new EnumMap<>(LayoutKind.class);
        Map<PlacedLayout, Trial.Tried> once = new LinkedHashMap<>();
        for (LayoutKind kind : LayoutKind.values()) {
            List<Trial.Tried> of = tried.stream()
                    .filter(e -> kind.has(e.layout().setup()) && incumbents.near(kind, e.score(), margin))
                    .sorted(Comparator.comparingDouble(Trial.Tried::score))
                    .limit(trial.byFewerLayers() ? LEADERS_OF_LONG_MODELS : LEADERS)
                    .toList();
            near.put(kind, of);
            of.stream().limit(1).forEach(t -> once.put(t.layout(), t));
        }
        Set<PlacedLayout> first = Set.copyOf(once.keySet());
        near.values().forEach(of -> of.forEach(t -> once.putIfAbsent(t.layout(), t)));
        Map<PlacedLayout, Evaluation> again = new HashMap<>();
        threads.map(List.copyOf(once.values()),
                t -> again(t, few, remembering, first).map(e -> Map.entry(t.layout(), e)))
                .forEach(e -> e.ifPresent(of -> again.put(of.getKey(), of.getValue())));
        near.forEach((kind, of) -> {
            List<Evaluation> evaluations = of.stream()
                    .flatMap(t -> Optional.ofNullable(again.get(t.layout())).stream())
                    .sorted(Comparator.comparingDouble(Evaluation::score))
                    .toList();
            if (!evaluations.isEmpty()) {
                leaders.put(kind, evaluations);
            }
        });
        return new SearchResult(request, leaders, layouts.size(), refused, simulated.get(),
                new SearchResult.Untried(notBounded.get(), notSimulated.get(), notAgain.get()));
    }

    /** All of a list, neighbours far from each other: wherever time ends, something of everything was looked at. */
    private static <T> List<T> spread(List<T> all) {
        List<T> spread = new ArrayList<>(all);
        Collections.shuffle(spread, new Random(0));
        return spread;
    }

    /** Goes on, however slow the machine, until one layout is found that may be possible. */
    private Optional<Trial.Prospect> prospect(PlacedLayout layout, Scenario few) {
        if (request.deadline().passed(BOUNDED) && bounded.get()) {
            notBounded.incrementAndGet();
            return Optional.empty();
        }
        Optional<Trial.Prospect> prospect = trial.prospect(layout, few);
        if (prospect.isPresent() && prospect.get().bound() < Double.POSITIVE_INFINITY) {
            bounded.set(true);
        }
        return prospect;
    }

    private Optional<Trial.Tried> tried(Trial.Prospect prospect, Scenario few, Incumbents incumbents) {
        Setup setup = prospect.layout().setup();
        if (incumbents.beyond(setup, prospect.bound(), margin)) {
            return Optional.empty();
        }
        // Of each kind there is to be one.
        if (request.deadline().passed(SIMULATED) && incumbents.has(setup)) {
            notSimulated.incrementAndGet();
            return Optional.empty();
        }
        SharedLoads loads = new SharedLoads();
        Trial.Prospect bounded = trial.withMessages(trial.dispatched(prospect), few, loads);
        if (incumbents.beyond(setup, bounded.bound(), margin)) {
            return Optional.empty();
        }
        // A few layers or steps may tell a little less than the bound: that then counts, so that threads change
        // nothing.
        simulated.incrementAndGet();
        Optional<Trial.Tried> tried = trial.evaluate(bounded, few, incumbents.worst(setup, margin), loads)
                .map(t -> new Trial.Tried(t.layout(), t.batch(), Math.max(t.score(), bounded.bound())));
        tried.ifPresent(t -> incumbents.offer(setup, t.score()));
        return tried;
    }

    /** The first of each kind is simulated again whatever the time is. */
    private Optional<Evaluation> again(
            Trial.Tried tried, Scenario few, Scenario scenario, Set<PlacedLayout> first) {
        if (request.deadline().passed(AGAIN) && !first.contains(tried.layout())) {
            notAgain.incrementAndGet();
            return Optional.empty();
        }
        return trial.again(trial.withBetterDispatch(tried, few), scenario);
    }

    /** {@return the routing of a request, with choices drawn once for all simulations of its batch} */
    static RoutingModel remembering(SearchRequest request) {
        Scenario scenario = request.scenario();
        long numbers = (long) (scenario.steps() + scenario.warmup())
                * request.config().layers().size()
                * Math.max(1, request.config().maxSlots());
        int rows = (int) Math.min(request.goal().anyBatch() ? MOST_REMEMBERED : scenario.batch(),
                MOST_REMEMBERED / numbers);
        return scenario.routing().remembering(rows);
    }
}
