package io.maseparation.parallel.studies.policies;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.adapt.ChangeRule;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.simulate.Scenario;

/**
 * A trace of decode steps under which policies are compared.
 *
 * @param name name
 * @param config model
 * @param cluster devices and links; those of the layout are all of one kind
 * @param setup layout and batching that every policy begins with
 * @param conditions batch, context at the first step, routing, seed, formats and launches; its numbers of steps are not looked
 *     at
 * @param growth positions that every sequence gains a step: 1 for sequences that go on, 0 for a service in which sequences
 *     that end are followed by others, so that contexts are the same all the time
 * @param steps decode steps, the warm-up included
 * @param warmup steps before the first change and before the first that is counted; a multiple of the interval
 * @param redundantExperts places in each layer for replicas, over all expert ranks together
 * @param rule when changes may be made; its interval is also the number of steps between two looks
 * @param migration what changes cost
 */
public record PolicyScenario(
        String name,
        ModelConfig config,
        Cluster cluster,
        Setup setup,
        Scenario conditions,
        int growth,
        int steps,
        int warmup,
        int redundantExperts,
        ChangeRule.Settings rule,
        MigrationModel migration) {

    /**
     * @throws PlanException if the layout is another one than these, devices are of several kinds, contexts outgrow the
     *     model, or nothing is left after the warm-up
     */
    public PolicyScenario {
        cluster = cluster.withoutVariation();
        if (!(setup.layout() instanceof Layout.Separated ma)
                || !ma.equals(Layout.separated(ma.attentionDevices(), ma.expertDevices()))) {
            throw new PlanException(
                    "policies are compared on layouts of ma without tensor parallelism and copies, not on "
                            + setup.layout().title());
        }
        int ranks = setup.layout().ranks();
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
        if (growth < 0 || warmup < rule.interval() || warmup % rule.interval() != 0 || steps <= warmup
                || redundantExperts < 0) {
            throw new PlanException(
                    "steps %d, warm-up %d, interval %d: the warm-up must be whole intervals, and steps must follow"
                            .formatted(steps, warmup, rule.interval()));
        }
        long last = conditions.context() + (long) growth * (steps - 1);
        if (last > config.maxPositions()) {
            throw new PlanException(
                    "contexts grow to %d, but %s has %d positions: lower the context or the number of steps"
                            .formatted(last, config.name(), config.maxPositions()));
        }
    }

    /** The layout that every policy begins with. */
    public Plan plan() {
        return Planning.plan(config, setup);
    }

    /** Its layout. */
    Layout.Separated layout() {
        return (Layout.Separated) setup.layout();
    }

    /** Positions that the token of a step attends to. */
    public int context(int step) {
        return conditions.context() + growth * step;
    }
}
