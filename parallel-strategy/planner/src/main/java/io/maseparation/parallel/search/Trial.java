package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.simulate.MemoryFit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SimulationResult;
import io.maseparation.parallel.simulate.Simulator;
import java.util.List;
import java.util.stream.IntStream;

/** What a search does with one candidate: bounds it, and simulates it, with the batch given or the largest that the limit allows. */
final class Trial {
    /** Batches that are tried where any may be: powers of two, and half as much again. */
    private static final List<Integer> BATCHES = IntStream.rangeClosed(0, 16)
            .flatMap(i -> i == 0 ? IntStream.of(1) : IntStream.of(1 << i, 3 << (i - 1)))
            .boxed()
            .toList();

    private final SearchRequest request;
    private final ExpertCounts counts;

    /**
     * A candidate that may be possible.
     *
     * @param batch the largest that its bound allows
     * @param bound least score; infinite where the limit cannot be kept
     */
    record Prospect(Candidate candidate, int batch, double bound) {}

    Trial(SearchRequest request) {
        this.request = request;
        counts = new ExpertCounts(request.config());
    }

    /** The same with another batch. */
    static Scenario withBatch(Scenario s, int batch) {
        return new Scenario(batch, s.context(), s.launch(), s.collectives(), s.routing(), s.seed(), s.steps(),
                s.warmup(), s.lmHead(), s.kvType(), s.activationBytes(), s.prefillChunk());
    }

    /** Bounds a candidate; null if the model or the memory does not allow it, or more micro-batches than it has rows. */
    Prospect prospect(Candidate candidate, Scenario scenario) {
        Plan plan;
        try {
            plan = candidate.plan(request.config());
        } catch (PlanException e) {
            return null;
        }
        if (!request.anyBatch()) {
            return fits(plan, scenario) ? bounded(candidate, plan, scenario) : null;
        }
        // The batch that is too large: from there down, every one fits and may keep the limit.
        int possible;
        int tooLarge = BATCHES.size();
        int least = 0;
        while (least < BATCHES.size() && !fillsMicroBatches(plan, BATCHES.get(least))) {
            least++;
        }
        possible = least - 1;
        Prospect best = null;
        while (tooLarge - possible > 1) {
            int middle = (possible + tooLarge) / 2;
            Scenario tried = withBatch(scenario, BATCHES.get(middle));
            Prospect prospect = fits(plan, tried) ? bounded(candidate, plan, tried) : null;
            if (prospect != null && prospect.bound() < Double.POSITIVE_INFINITY) {
                best = prospect;
                possible = middle;
            } else {
                tooLarge = middle;
            }
        }
        return best;
    }

    private Prospect bounded(Candidate candidate, Plan plan, Scenario scenario) {
        double tpot = LowerBound.tpotMs(plan, request.cluster(), scenario, counts);
        return new Prospect(candidate, scenario.batch(), score(candidate, scenario.batch(), tpot));
    }

    private double score(Candidate candidate, int batch, double tpotMs) {
        return tpotMs > request.tpotLimitMs()
                ? Double.POSITIVE_INFINITY
                : request.objective().score(tpotMs, batch, candidate.pricePerHour(request.cluster()));
    }

    private boolean fits(Plan plan, Scenario scenario) {
        if (!fillsMicroBatches(plan, scenario.batch())) {
            return false;
        }
        try {
            new MemoryFit(plan, request.cluster(), scenario).check();
            return true;
        } catch (PlanException e) {
            return false;
        }
    }

    private static boolean fillsMicroBatches(Plan plan, int batch) {
        return plan.batching().microBatches() <= batch;
    }

    /** Simulates a prospect, with the largest batch that keeps the limit; null if none does. */
    Evaluation evaluate(Prospect prospect, Scenario scenario) {
        Plan plan = prospect.candidate().plan(request.config());
        if (!request.anyBatch()) {
            return evaluate(prospect.candidate(), plan, scenario);
        }
        int tooLarge = BATCHES.indexOf(prospect.batch()) + 1;
        int possible = -1;
        Evaluation best = null;
        int middle = tooLarge - 1;
        while (tooLarge - possible > 1) {
            Evaluation evaluation = fillsMicroBatches(plan, BATCHES.get(middle))
                    ? evaluate(prospect.candidate(), plan, withBatch(scenario, BATCHES.get(middle)))
                    : null;
            if (evaluation != null) {
                best = evaluation;
                possible = middle;
            } else if (fillsMicroBatches(plan, BATCHES.get(middle))) {
                tooLarge = middle;
            } else {
                possible = middle;
            }
            middle = (possible + tooLarge) / 2;
        }
        return best;
    }

    /** Simulates an evaluated candidate for as many steps as another scenario has; null if it no longer keeps the limit. */
    Evaluation again(Evaluation first, Scenario scenario) {
        Plan plan = first.candidate().plan(request.config());
        if (!request.anyBatch()) {
            return evaluate(first.candidate(), plan, scenario);
        }
        for (int i = BATCHES.indexOf(first.scenario().batch()); i >= 0; i--) {
            Evaluation evaluation = evaluate(first.candidate(), plan, withBatch(scenario, BATCHES.get(i)));
            if (evaluation != null) {
                return evaluation;
            }
        }
        return null;
    }

    private Evaluation evaluate(Candidate candidate, Plan plan, Scenario scenario) {
        SimulationResult result = Simulator.run(plan, request.cluster(), scenario, false);
        double score = score(candidate, scenario.batch(), result.tpotMs());
        return score == Double.POSITIVE_INFINITY
                ? null
                : new Evaluation(
                        candidate,
                        scenario.withRouting(request.scenario().routing(), scenario.seed()),
                        result,
                        score);
    }

    /** Why no layout is possible: of the one whose largest rank has the least weights. */
    static String whyNothingFits(SearchRequest request) {
        ModelConfig config = request.config();
        Scenario scenario = request.anyBatch() ? withBatch(request.scenario(), 1) : request.scenario();
        String why = "";
        long least = Long.MAX_VALUE;
        for (Candidate candidate : Candidates.of(request)) {
            try {
                Plan plan = candidate.plan(config);
                long largest = plan.ranks().stream()
                        .mapToLong(r -> r.shard().weightBytes(config))
                        .max()
                        .orElse(0);
                if (largest < least && fillsMicroBatches(plan, scenario.batch())) {
                    least = largest;
                    new MemoryFit(plan, request.cluster(), scenario).check();
                }
            } catch (PlanException e) {
                why = least == Long.MAX_VALUE || e.getMessage().contains("does not fit") ? e.getMessage() : why;
            }
        }
        return "no layout of %s is possible on cluster %s%s".formatted(
                config.name(), request.cluster().name(), why.isEmpty() ? "" : ": " + why);
    }
}
