package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.simulate.MemoryFit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SharedLoads;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.SimulationResult;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntFunction;
import java.util.function.ToDoubleBiFunction;
import java.util.function.ToDoubleFunction;

/**
 * What a search does with one layout: it bounds and simulates the layout, with the given batch or the largest one that
 * the limit allows.
 */
final class Trial {
    /** A few steps tell the largest batch within this part of it. */
    private static final double NEAR = 0.005;

    private static final int ROUGH_STEPS = 4;

    /** The first batch that is bounded: larger ones take long to count. */
    private static final int FIRST = 1 << 12;

    /** Plans that are kept: neighbours in the list of candidates have the same. */
    private static final int MOST_PLANS = 12;

    private final SearchRequest request;
    private final Map<ModelConfig, ExpertCounts> counts = new ConcurrentHashMap<>();
    private final Optional<LongModel> longModel;
    private final Map<PlanUse, Plan> plans = new LinkedHashMap<>(16, 0.75F, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<PlanUse, Plan> eldest) {
            return size() > MOST_PLANS;
        }
    };

    /** What ranks and programs follow from: not from batching and devices. */
    private record PlanUse(ModelConfig config, Layout layout) {}

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
        longModel = LongModel.of(request.config());
    }

    /** Whether times of candidates are found by models of fewer layers, as long as they are only compared. */
    boolean byFewerLayers() {
        return longModel.isPresent();
    }

    /** {@return the plan of a layout} Ranks are the same for all batchings and devices, so most are known already. */
    Plan plan(PlacedLayout layout, ModelConfig config) {
        PlanUse use = new PlanUse(config, layout.setup().layout());
        Plan plan;
        synchronized (plans) {
            plan = plans.get(use);
        }
        if (plan == null) {
            plan = Planning.candidate(config, layout.setup(), Optional.empty());
            synchronized (plans) {
                plans.put(use, plan);
            }
        }
        return new Plan(layout.setup(), config, plan.ranks(), plan.placement(), plan.groups(), layout.devices());
    }

    /**
     * A plan of a layout that {@link #timeMs} can time and whose price is known: where models of fewer layers tell the
     * time, of one of them, since that of the model itself takes long to make.
     */
    private Plan comparedPlan(PlacedLayout layout) {
        return plan(layout, longModel.filter(l -> !hasStages(layout.setup().layout())).map(LongModel::few)
                .orElse(request.config()));
    }

    private static boolean hasStages(Layout layout) {
        return layout.stages() > 1;
    }

    private ExpertCounts counts(ModelConfig config) {
        return counts.computeIfAbsent(config, c -> longModel.filter(l -> c.equals(request.config()))
                .map(l -> new ExpertCounts(c, l::like))
                .orElseGet(() -> new ExpertCounts(c)));
    }

    /** A time of a layout: its own, or of models with fewer layers if it has no stages that divide the layers. */
    private double timeMs(Simulation simulation, ToDoubleBiFunction<Simulation, Double> time, double limitMs) {
        Plan plan = simulation.plan();
        if (longModel.isEmpty() || hasStages(plan.layout())) {
            return time.applyAsDouble(simulation, limitMs);
        }
        PlacedLayout layout = new PlacedLayout(plan.setup(), plan.devices());
        return longModel.get().of((config, limit) -> time.applyAsDouble(
                new Simulation(plan(layout, config), simulation.cluster(), simulation.scenario()), limit), limitMs);
    }

    /** The time between tokens that a few layers tell. */
    double roughTpotMs(Simulation simulation) {
        return roughTpotMs(simulation, Double.POSITIVE_INFINITY, new SharedLoads());
    }

    /** The score that a few layers and steps tell. */
    double roughScore(Simulation simulation) {
        Scenario scenario = simulation.scenario();
        return score(simulation, roughTpotMs(
                simulation.with(scenario.withSteps(Math.min(ROUGH_STEPS, scenario.steps()), scenario.warmup()))));
    }

    /** What is searched for. */
    SearchRequest request() {
        return request;
    }

    /** The same; infinite as soon as it is sure to exceed a limit. */
    private double roughTpotMs(Simulation simulation, double limitMs, SharedLoads loads) {
        return timeMs(simulation, (s, limit) -> s.tpotMs(limit, loads), limitMs);
    }

    /** Bounds a layout; empty if model or memory do not allow it, or if it has fewer rows than micro-batches. */
    Optional<Prospect> prospect(PlacedLayout layout, Scenario scenario) {
        Plan plan;
        try {
            plan = plan(layout, request.config());
        } catch (PlanException e) {
            return Optional.empty();
        }
        if (!request.goal().anyBatch()) {
            Simulation simulation = new Simulation(plan, request.cluster(), scenario);
            return fits(simulation)
                    ? Optional.of(new Prospect(layout, scenario.batch(), score(simulation, bound(simulation))))
                    : Optional.empty();
        }
        int most = most(plan, scenario);
        return search(NEAR, b -> bound(simulation(plan, scenario, b)), ms -> ms)
                .find(plan.batching().microBatches(), most, Math.min(most, FIRST))
                .map(found -> {
                    // Batches up to the one that is too large may be possible, with no less time.
                    int largest = found.tooLarge() - 1;
                    double bound = score(simulation(plan, scenario, largest), found.result());
                    int even = even(plan, found.batch());
                    if (even > 0) {
                        Simulation simulation = simulation(plan, scenario, even);
                        bound = Math.min(bound, score(simulation, bound(simulation)));
                    }
                    return new Prospect(layout, largest, bound);
                });
    }

    /**
     * A prospect with rows that cross to nodes once, where only that is wanted or it seems to take less time. Bounds do
     * not know bytes of messages, so that they hold for either.
     */
    Prospect dispatched(Prospect prospect) {
        PlacedLayout layout = prospect.layout();
        Set<Dispatch.Mode> modes = request.filter().dispatches();
        if (!modes.contains(Dispatch.Mode.NODE)
                || (modes.contains(Dispatch.Mode.DIRECT) && !NodeDispatch.isFaster(
                        layout, request.cluster(), request.config(), prospect.batch(), rowBytes()))) {
            return prospect;
        }
        return NodeDispatch.of(layout, request.cluster())
                .map(byNode -> new Prospect(byNode, prospect.batch(), prospect.bound()))
                .orElse(prospect);
    }

    /**
     * A prospect with the bound that messages make larger, where that can be told.
     *
     * @param loads of this layout
     */
    Prospect withMessages(Prospect prospect, Scenario scenario, SharedLoads loads) {
        PlacedLayout layout = prospect.layout();
        if (request.goal().anyBatch() || !(layout.setup().layout() instanceof Layout.Separated)) {
            return prospect;
        }
        Simulation simulation = simulation(comparedPlan(layout), scenario, prospect.batch());
        double tpotMs = timeMs(
                simulation, (s, limit) -> LowerBound.tpotMsWithMessages(s, counts(s.plan().config()), loads),
                Double.POSITIVE_INFINITY);
        return new Prospect(layout, prospect.batch(), Math.max(prospect.bound(), score(simulation, tpotMs)));
    }

    private double rowBytes() {
        return (double) request.config().hidden() * request.scenario().conditions().activationBytes();
    }

    /** Of a layout and the same with the other dispatch, that which a few layers and steps are in favour of. */
    Tried withBetterDispatch(Tried tried, Scenario few) {
        if (request.filter().dispatches().size() < Dispatch.Mode.values().length) {
            return tried;
        }
        PlacedLayout direct = NodeDispatch.direct(tried.layout());
        return NodeDispatch.of(direct, request.cluster())
                .map(byNode -> tried.layout().equals(direct) ? byNode : direct)
                .flatMap(other -> tried(
                        other, simulation(comparedPlan(other), few, tried.batch()), tried.score(),
                        new SharedLoads()))
                .filter(other -> other.score() < tried.score())
                .orElse(tried);
    }

    private double bound(Simulation simulation) {
        return timeMs(simulation, (s, limit) -> LowerBound.tpotMs(s, counts(s.plan().config())),
                Double.POSITIVE_INFINITY);
    }

    private Simulation simulation(Plan plan, Scenario scenario, int batch) {
        return new Simulation(plan, request.cluster(), withBatch(scenario, batch));
    }

    /** The largest batch that fits into memory; less than the number of micro-batches if none does. */
    private int most(Plan plan, Scenario scenario) {
        return BatchSearch.largest(plan.batching().microBatches(), b -> fits(simulation(plan, scenario, b)));
    }

    private <T> BatchSearch<T> search(double tolerance, IntFunction<T> attempt, ToDoubleFunction<T> tpotMs) {
        return new BatchSearch<>(request.goal().tpotLimitMs(), tolerance, attempt, tpotMs);
    }

    /**
     * The largest batch below another one that gives every micro-batch of every group as many sequences, which may be
     * better where each has few: 0 if there is none, or if that makes next to no difference.
     */
    private static int even(Plan plan, int batch) {
        int shares = plan.groups() * plan.batching().microBatches();
        int rest = batch % shares;
        return rest == 0 || shares < NEAR * batch ? 0 : batch - rest;
    }

    /** The score of a time between tokens; infinite beyond the limit. */
    private double score(Simulation simulation, double tpotMs) {
        return request.goal().score(simulation, tpotMs);
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

    /**
     * What a few steps tell about a layout.
     *
     * @param layout the layout
     * @param batch sequences
     * @param score value of the objective
     */
    record Tried(PlacedLayout layout, int batch, double score) {}

    /**
     * Simulates a prospect, with the largest batch that keeps the limit; empty if none does, or if its score is above
     * {@code worst}.
     *
     * @param loads of this layout, where no batch is searched for
     */
    Optional<Tried> evaluate(Prospect prospect, Scenario scenario, double worst, SharedLoads loads) {
        Plan plan = comparedPlan(prospect.layout());
        if (!request.goal().anyBatch()) {
            return tried(prospect.layout(), simulation(plan, scenario, scenario.batch()), worst, loads);
        }
        return search(NEAR, b -> roughTpotMs(simulation(plan, scenario, b)), ms -> ms)
                .find(plan.batching().microBatches(), prospect.batch(), prospect.batch())
                .map(found -> {
                    Simulation largest = simulation(plan, scenario, found.batch());
                    Tried tried = new Tried(prospect.layout(), found.batch(), score(largest, found.result()));
                    int even = even(plan, found.batch());
                    return even == 0
                            ? tried
                            : tried(prospect.layout(), simulation(plan, scenario, even), Double.POSITIVE_INFINITY,
                                    new SharedLoads())
                                    .filter(t -> t.score() < tried.score())
                                    .orElse(tried);
                });
    }

    private Optional<Tried> tried(
            PlacedLayout layout, Simulation simulation, double worst, SharedLoads loads) {
        // Scores are multiples of the time.
        double limitMs = worst / request.goal().objective()
                .score(1, simulation.scenario().batch(), simulation.pricePerHour());
        double score = score(simulation, roughTpotMs(simulation, limitMs, loads));
        return Optional.of(new Tried(layout, simulation.scenario().batch(), score))
                .filter(t -> t.score() < Double.POSITIVE_INFINITY);
    }

    /** With the batch that was found or with an even one, whatever is better. */
    private Evaluation better(PlacedLayout layout, Scenario scenario, BatchSearch.Found<SimulationResult> found) {
        Plan plan = found.result().simulation().plan();
        Evaluation largest = evaluation(layout, found.result());
        int even = even(plan, found.batch());
        return even == 0
                ? largest
                : evaluate(layout, plan, withBatch(scenario, even))
                        .filter(e -> e.score() < largest.score())
                        .orElse(largest);
    }

    /** Simulates a layout again for as many steps as another scenario has; empty if it no longer keeps the limit. */
    Optional<Evaluation> again(Tried first, Scenario scenario) {
        Plan plan = first.layout().plan(request.config());
        if (!request.goal().anyBatch()) {
            return evaluate(first.layout(), plan, scenario);
        }
        return search(0, b -> simulation(plan, scenario, b).run(false), SimulationResult::tpotMs)
                .find(plan.batching().microBatches(), most(plan, scenario), first.batch())
                .map(found -> better(first.layout(), scenario, found));
    }

    private Optional<Evaluation> evaluate(PlacedLayout layout, Plan plan, Scenario scenario) {
        Simulation simulation = new Simulation(plan, request.cluster(), scenario);
        SimulationResult result = simulation.run(false);
        return Optional.of(evaluation(layout, result)).filter(e -> e.score() < Double.POSITIVE_INFINITY);
    }

    private Evaluation evaluation(PlacedLayout layout, SimulationResult result) {
        Scenario scenario = result.simulation().scenario();
        return new Evaluation(
                layout,
                result.of(scenario.withRouting(request.scenario().routing(), scenario.seed())),
                score(result.simulation(), result.tpotMs()));
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
