package io.maseparation.parallel.search;

import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.simulate.Scenario;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Searches for the best layout. Every candidate gets a lower bound; in the order of those, candidates are simulated for a
 * few steps, unless their bound says that they cannot be among the best of their kind; the leaders of each kind are
 * simulated again for as many steps as was asked for, and the best of those wins. Which candidates are leaders does not
 * depend on the order in which threads come to them, as a bound is never above what it bounds.
 */
public final class Planner {
    /** How far from the best a candidate may be, after a few steps, to be simulated again. */
    private static final double NEAR = 1.03;

    /** By how much more, times the square root of the choices of experts in those steps: few are far from their mean. */
    private static final double SPREAD = 0.3;

    private static final int FEW_STEPS = 4;
    /** Candidates of a kind that are simulated again, at most. */
    private static final int LEADERS = 10;
    /** Choices of experts that are kept, at most: 128 MiB. */
    private static final int MOST_REMEMBERED = 1 << 25;

    private final SearchRequest request;
    private final double margin;

    private Planner(SearchRequest request) {
        this.request = request;
        double choices = (double) FEW_STEPS * request.scenario().batch() * Math.max(1, request.config().maxSlots());
        margin = NEAR + (request.anyBatch() ? 0 : SPREAD / Math.sqrt(choices));
    }

    /**
     * The best layouts of every kind.
     *
     * @throws PlanException if there is none: the model cannot be divided that way, does not fit, or keeps no such limit
     */
    public static SearchResult search(SearchRequest request) {
        SearchResult result = new Planner(request).run(false);
        if (result.leaders().isEmpty()) {
            throw new PlanException(nothing(request));
        }
        return result;
    }

    /**
     * The best layout of a space; the same as {@code search(request).best()}, found with less work, as the best of other
     * kinds is not asked for.
     *
     * @return empty if the model cannot be laid out so, does not fit, or keeps no such limit
     */
    public static Optional<Evaluation> best(SearchRequest request) {
        SearchResult result = new Planner(request).run(true);
        return result.leaders().isEmpty() ? Optional.empty() : Optional.of(result.best());
    }

    private static String nothing(SearchRequest request) {
        if (Double.isInfinite(request.tpotLimitMs())) {
            return Trial.whyNothingFits(request);
        }
        Scenario one = request.anyBatch() ? Trial.withBatch(request.scenario(), 1) : request.scenario();
        SearchRequest free = request.withTpotLimitMs(Double.POSITIVE_INFINITY)
                .withAnyBatch(false)
                .withScenario(one)
                .withObjective(Objective.TPOT);
        Optional<Evaluation> fastest = best(free);
        return fastest.map(f -> "no layout of %s on cluster %s keeps a TPOT of %s ms; the least is %.3f ms, with %s"
                .formatted(
                        request.config().name(),
                        request.cluster().name(),
                        request.tpotLimitMs(),
                        f.result().tpotMs(),
                        f.candidate().setup().layout().title()))
                .orElseGet(() -> Trial.whyNothingFits(request));
    }

    /** @param together whether all kinds compete with each other, so that only the best of all is certain to be found */
    private SearchResult run(boolean together) {
        Scenario remembering = remembering();
        Scenario few = remembering.withSteps(Math.min(FEW_STEPS, remembering.steps()), 1);
        List<Candidate> candidates = Candidates.of(request);
        Trial trial = new Trial(request);
        Workers workers = new Workers(request, 2L * candidates.size());

        List<Trial.Prospect> prospects = workers.map(candidates, c -> trial.prospect(c, few)).stream()
                .filter(Objects::nonNull)
                .sorted(Comparator.comparingDouble(Trial.Prospect::bound))
                .toList();
        Incumbents incumbents = new Incumbents(together);
        List<Evaluation> tried = workers.map(prospects, p -> tried(trial, p, few, incumbents)).stream()
                .filter(Objects::nonNull)
                .toList();
        Map<Kind, List<Evaluation>> leaders = new EnumMap<>(Kind.class);
        for (Kind kind : Kind.values()) {
            List<Evaluation> near = tried.stream()
                    .filter(e -> kind.has(e.candidate().setup()) && incumbents.near(kind, e.score(), margin))
                    .sorted(Comparator.comparingDouble(Evaluation::score))
                    .limit(LEADERS)
                    .toList();
            List<Evaluation> again = workers.map(near, e -> trial.again(e, remembering)).stream()
                    .filter(Objects::nonNull)
                    .sorted(Comparator.comparingDouble(Evaluation::score))
                    .toList();
            if (!again.isEmpty()) {
                leaders.put(kind, again);
            }
        }
        return new SearchResult(
                request, leaders, candidates.size(), candidates.size() - prospects.size(), tried.size());
    }

    private Evaluation tried(Trial trial, Trial.Prospect prospect, Scenario few, Incumbents incumbents) {
        if (incumbents.beyond(prospect.candidate().setup(), prospect.bound(), margin)) {
            return null;
        }
        Evaluation evaluation = trial.evaluate(prospect, few);
        if (evaluation != null) {
            incumbents.offer(prospect.candidate().setup(), evaluation.score());
        }
        return evaluation;
    }

    private Scenario remembering() {
        Scenario scenario = request.scenario();
        long numbers = (long) (scenario.steps() + scenario.warmup())
                * request.config().layers().size()
                * Math.max(1, request.config().maxSlots());
        int rows = (int) Math.min(request.anyBatch() ? MOST_REMEMBERED : scenario.batch(), MOST_REMEMBERED / numbers);
        return scenario.withRouting(scenario.routing().remembering(rows), scenario.seed());
    }
}
