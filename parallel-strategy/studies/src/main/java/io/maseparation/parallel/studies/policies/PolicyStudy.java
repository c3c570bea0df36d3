package io.maseparation.parallel.studies.policies;

import io.maseparation.moe.Presets;
import io.maseparation.parallel.adapt.ChangeRule;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.threads.ParallelMap;
import java.util.ArrayList;
import java.util.List;

/** The scenarios of docs/balancing.md, and many of them at once. */
public final class PolicyStudy {
    /** The seed's shape with experts of three matrices: large ones, so that a large batch is bound by them. */
    public static final String MODEL = "seed-gated";

    /** One node, in which copies take the fast links. */
    public static final String CLUSTER = "a100x8";

    /**
     * Decode steps of a trace where nothing else is asked for: as many as the model's positions allow contexts to grow.
     */
    public static final int STEPS = 1984;

    /** Intervals of the warm-up. */
    public static final int WARMUP_INTERVALS = 2;

    /** Spare slots of each expert device where nothing else is asked for. */
    public static final int SPARE_SLOTS = 1;

    private static final int DRIFT_STEPS = 512;
    private static final int SHORT_CONTEXT = 64;

    /**
     * What scenarios have in common.
     *
     * @param steps decode steps, the warm-up included
     * @param seed of the routing
     * @param rule when changes may be made
     * @param migration what changes cost
     */
    public record Settings(int steps, long seed, ChangeRule.Settings rule, MigrationModel migration) {
        /** Steps before anything may change. */
        public int warmup() {
            return WARMUP_INTERVALS * rule.interval();
        }
    }

    /** Experts that compute (large batch), or that are read (small batch). */
    private record Setting(String name, int batch, int growingBatch, int context, int microBatches) {}

    private PolicyStudy() {}

    /**
     * Every kind of routing and growing contexts, each with a batch so large that experts compute all the time, and
     * with one so small that reading their weights takes longer.
     */
    public static List<PolicyScenario> scenarios(Settings settings) {
        List<PolicyScenario> scenarios = new ArrayList<>();
        for (Setting setting : List.of(
                // Keys and values of a batch of 4096 outgrow the memory of four devices before the trace ends.
                new Setting("expert-bound", 4096, 2048, SHORT_CONTEXT, 2),
                new Setting("memory-bound", 64, 64, 512, 1))) {
            for (RoutingModel routing : List.of(
                    RoutingModel.uniform(),
                    RoutingModel.zipf(0.6),
                    RoutingModel.zipf(1.2),
                    RoutingModel.drifting(1.2, DRIFT_STEPS))) {
                scenarios.add(scenario(
                        setting.name() + ", " + routing.description(), setting.microBatches(),
                        Scenario.decode(setting.batch(), setting.context()).withRouting(routing, settings.seed()), 0,
                        settings));
            }
            scenarios.add(scenario(
                    setting.name() + ", growing contexts", setting.microBatches(),
                    Scenario.decode(setting.growingBatch(), SHORT_CONTEXT)
                            .withRouting(RoutingModel.zipf(0.6), settings.seed()),
                    1, settings));
        }
        return scenarios;
    }

    private static PolicyScenario scenario(
            String name, int microBatches, Scenario first, int growth, Settings settings) {
        Layout.Separated layout = Layout.separated(4, 4);
        Simulation start = new Simulation(Planning.plan(Presets.config(MODEL), layout.withMicroBatches(microBatches)),
                Clusters.named(CLUSTER), first);
        return new PolicyScenario(name, start, growth, settings.steps(), settings.warmup(),
                SPARE_SLOTS * layout.expertDevices(), settings.rule(), settings.migration());
    }

    /**
     * Compares policies on several traces.
     *
     * @param threads traces at a time; results do not depend on it
     * @param progress called after every block of steps, from any thread
     * @return one per scenario, in their order
     */
    public static List<PolicyComparison> run(
            List<PolicyScenario> scenarios, List<BalancingPolicy> policies, int threads, Runnable progress) {
        return new ParallelMap("policies", threads, () -> {})
                .map(scenarios, s -> PolicyComparison.run(s, policies, progress));
    }
}
