package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.simulate.MemoryFit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.SimulationResult;

import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * What a search does with one layout: it bounds and simulates the layout, with the given batch or the largest one that
 * the limit allows.
 */
final class Trial {
    /** Batches that are tried if the batch is searched: powers of two and 1.5 times those. */
    private static final List<Integer> BATCHES = IntStream.rangeClosed(0, 16)
            .flatMap(i -> i == 0 ? IntStream.of(1) : IntStream.of(1 << i, 3 << (i - 1)))
            .boxed()
            .toList();

    private final SearchRequest request;
    private final ExpertCounts counts;

    /**
     * A layout that may be possible.
     *
     * @param layout the layout
     * @param batch the largest batch that its bound allows
     * @param bound lower bound of its score; infinite if the limit cannot be kept
     */
    record Prospect(PlacedLayout layout, int batch, double bound) {}

    Trial(SearchRequest request) {
        this.request = request;
        counts = new ExpertCounts(request.config());
    }

    /** Bounds a layout; empty if model or memory do not allow it, or if it has fewer rows than micro-batches. */
    Optional<Prospect> prospect(PlacedLayout layout, Scenario scenario) {
        Plan plan;
        try {
            plan = layout.plan(request.config());
        } catch (PlanException e) {
            return Optional.empty();
        }
        if (!request.goal().anyBatch()) {
            return bounded(layout, plan, scenario);
        }
        int tooSmall = (int) BATCHES.stream().filter(b -> !fillsMicroBatches(plan, b)).count() - 1;
        return largest(plan, tooSmall, (tooSmall + BATCHES.size()) / 2, BATCHES.size(),
                batch -> bounded(layout, plan, withBatch(scenario, batch))
                        .filter(p -> p.bound() < Double.POSITIVE_INFINITY));
    }

    /**
     * What the largest possible batch gives, found by bisection; empty if no batch is possible.
     *
     * @param possible index of a batch, or −1, below those that are tried
     * @param first index of the batch that is tried first
     * @param tooLarge index of a batch above those that are tried
     * @param attempt empty for a batch that is too large
     */
    private static <T> Optional<T> largest(
            Plan plan, int possible, int first, int tooLarge, IntFunction<Optional<T>> attempt) {
        Optional<T> best = Optional.empty();
        int low = possible;
        int high = tooLarge;
        for (int middle = first; high - low > 1; middle = (low + high) / 2) {
            boolean fills = fillsMicroBatches(plan, BATCHES.get(middle));
            Optional<T> found = fills ? attempt.apply(BATCHES.get(middle)) : Optional.empty();
            if (found.isPresent()) {
                best = found;
            }
            if (found.isPresent() || !fills) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return best;
    }

    private Optional<Prospect> bounded(PlacedLayout layout, Plan plan, Scenario scenario) {
        Simulation simulation = new Simulation(plan, request.cluster(), scenario);
        if (!fits(simulation)) {
            return Optional.empty();
        }
        double score = score(simulation, LowerBound.tpotMs(simulation, counts));
        return Optional.of(new Prospect(layout, scenario.batch(), score));
    }

    /** The score of a time between tokens; infinite beyond the limit. */
    private double score(Simulation simulation, double tpotMs) {
        return tpotMs > request.goal().tpotLimitMs()
                ? Double.POSITIVE_INFINITY
                : request.goal().objective().score(
                        tpotMs, simulation.scenario().batch(), simulation.pricePerHour());
    }

    private static boolean fits(Simulation simulation) {
        try {
            return fillsMicroBatches(simulation.plan(), simulation.scenario().batch())
                    && new MemoryFit(simulation).misfit().isEmpty();
        } catch (PlanException e) {
            // More positions than a cache can have.
            return false;
        }
    }

    static Scenario withBatch(Scenario scenario, int batch) {
        return scenario.with(batch, scenario.context());
    }

    private static boolean fillsMicroBatches(Plan plan, int batch) {
        return plan.batching().microBatches() <= batch;
    }

    /** Simulates a prospect, with the largest batch that keeps the limit; empty if none does. */
    Optional<Evaluation> evaluate(Prospect prospect, Scenario scenario) {
        Plan plan = prospect.layout().plan(request.config());
        if (!request.goal().anyBatch()) {
            return evaluate(prospect.layout(), plan, scenario);
        }
        int bounded = BATCHES.indexOf(prospect.batch());
        return largest(plan, -1, bounded, bounded + 1,
                batch -> evaluate(prospect.layout(), plan, withBatch(scenario, batch)));
    }

    /** Simulates a layout again for as many steps as another scenario has; empty if it no longer keeps the limit. */
    Optional<Evaluation> again(Evaluation first, Scenario scenario) {
        Plan plan = first.result().simulation().plan();
        if (!request.goal().anyBatch()) {
            return evaluate(first.layout(), plan, scenario);
        }
        return BATCHES.subList(0, BATCHES.indexOf(first.batch()) + 1).reversed().stream()
                .map(batch -> evaluate(first.layout(), plan, withBatch(scenario, batch)))
                .flatMap(Optional::stream)
                .findFirst();
    }

    private Optional<Evaluation> evaluate(PlacedLayout layout, Plan plan, Scenario scenario) {
        Simulation simulation = new Simulation(plan, request.cluster(), scenario);
        SimulationResult result = simulation.run(false);
        double score = score(simulation, result.tpotMs());
        return score == Double.POSITIVE_INFINITY
                ? Optional.empty()
                : Optional.of(new Evaluation(
                        layout,
                        result.of(scenario.withRouting(request.scenario().routing(), scenario.seed())),
                        score));
    }

    /** Why no layout is possible: what is wrong with the one whose largest rank has the least weights. */
    static String whyNothingFits(SearchRequest request) {
        ModelConfig config = request.config();
        Scenario scenario = request.goal().anyBatch() ? withBatch(request.scenario(), 1) : request.scenario();
        String why = "";
        long least = Long.MAX_VALUE;
        for (PlacedLayout layout : SearchedLayouts.of(request)) {
            try {
                Plan plan = layout.plan(config);
                long largest = plan.ranks().stream()
                        .mapToLong(r -> r.shard().weightBytes(config))
                        .max()
                        .orElse(0);
                if (largest < least && fillsMicroBatches(plan, scenario.batch())) {
                    least = largest;
                    why = new MemoryFit(new Simulation(plan, request.cluster(), scenario)).misfit().orElse(why);
                }
            } catch (PlanException e) {
                // If another layout lacks memory, that is the better explanation.
                why = least == Long.MAX_VALUE ? String.valueOf(e.getMessage()) : why;
            }
        }
        return "no layout of %s is possible on cluster %s%s".formatted(
                config.name(), request.cluster().name(), why.isEmpty() ? "" : ": " + why);
    }
}
