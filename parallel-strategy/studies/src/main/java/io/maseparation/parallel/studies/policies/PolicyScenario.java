package io.maseparation.parallel.studies.policies;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.adapt.ChangeRule;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.simulate.MemoryFit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;

/**
 * A trace of decode steps under which policies are compared.
 *
 * @param name name
 * @param start layout that every policy begins with (strategy ma, without tensor parallelism or copies), devices of one
 *     kind, and the scenario of the first step; its numbers of steps are ignored
 * @param growth positions that every sequence gains per step: 1 for sequences that go on, 0 for a service in which new
 *     sequences follow those that end, so that contexts stay the same
 * @param steps decode steps, the warm-up included
 * @param warmup steps before the first change and before the first that is counted; a multiple of the interval
 * @param redundantExperts places in each layer for replicas, over all expert ranks together
 * @param rule when changes may be made; its interval is also the number of steps between two looks
 * @param migration what changes cost
 */
public record PolicyScenario(
        String name,
        Simulation start,
        int growth,
        int steps,
        int warmup,
        int redundantExperts,
        ChangeRule.Settings rule,
        MigrationModel migration) {
    /**
     * @throws PlanException if the layout is not of this kind, devices are of several kinds, contexts outgrow the
     *     model, or nothing is left after the warm-up
     */
    public PolicyScenario {
        start = new Simulation(start.plan(), start.cluster().withoutVariation(), start.scenario());
        Cluster cluster = start.cluster();
        if (!(start.plan().layout() instanceof Layout.Separated ma)
                || !ma.equals(Layout.separated(ma.attentionDevices(), ma.expertDevices()))) {
            throw new PlanException(
                    "policies are compared on layouts of ma without tensor parallelism and copies, not on "
                            + start.plan().layout().name());
        }
        int ranks = ma.ranks();
        if (ranks > cluster.size()) {
            throw new PlanException("the layout %s has %d ranks, but cluster %s has %d devices"
                    .formatted(ma.name(), ranks, cluster.name(), cluster.size()));
        }
        for (int device = 1; device < ranks; device++) {
            if (!cluster.kindOf(device).equals(cluster.kindOf(0))) {
                throw new PlanException("policies are compared on devices of one kind; cluster %s has %s and %s"
                        .formatted(cluster.name(), cluster.kindOf(0).name(), cluster.kindOf(device).name()));
            }
        }
        if (growth < 0 || redundantExperts < 0) {
            throw new PlanException(
                    "the growth of contexts and the number of redundant experts must be at least 0, but are %d and %d"
                            .formatted(growth, redundantExperts));
        }
        if (warmup < rule.interval() || warmup % rule.interval() != 0 || steps <= warmup) {
            throw new PlanException(
                    "steps %d, warm-up %d, interval %d: the warm-up must be a whole number of intervals, and steps must follow"
                            .formatted(steps, warmup, rule.interval()));
        }
        ModelConfig config = start.plan().config();
        long last = start.scenario().context() + (long) growth * (steps - 1);
        if (last > config.maxPositions()) {
            throw new PlanException(
                    "contexts grow to %d, but %s has %d positions: lower the context or the number of steps"
                            .formatted(last, config.name(), config.maxPositions()));
        }
    }

    /** Model. */
    public ModelConfig config() {
        return start.plan().config();
    }

    /** Layout and batching that every policy begins with. */
    Setup setup() {
        return start.plan().setup();
    }

    /** The layout. */
    Layout.Separated layout() {
        return (Layout.Separated) setup().layout();
    }

    /** Batch, context at the first step, routing, seed and conditions. */
    Scenario first() {
        return start.scenario();
    }

    /** Positions that the token of a step attends to. */
    public int context(int step) {
        return start.scenario().context() + growth * step;
    }

    /** The same context for every sequence. */
    int[] contexts(int context) {
        return MemoryFit.contexts(first().batch(), context);
    }

    /** Plan of another ratio of the same devices. */
    Plan plan(int attentionDevices) {
        return Planning.plan(
                config(),
                setup().withLayout(layout().withRatio(attentionDevices, layout().ranks() - attentionDevices)));
    }

    /**
     * Checks that a plan fits the devices' memory to the end of the trace.
     *
     * @throws PlanException if it does not
     */
    void checkMemory(Plan plan) {
        Scenario last = Scenario.decode(first().batch(), context(steps - 1));
        new MemoryFit(new Simulation(plan, start.cluster(), last)).check();
    }
}
