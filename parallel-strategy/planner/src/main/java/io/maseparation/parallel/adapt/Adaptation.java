package io.maseparation.parallel.adapt;

import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.MovedBytes;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.Target;
import io.maseparation.parallel.simulate.Conditions;
import io.maseparation.parallel.simulate.LiveSteps;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Looks at the loads and contexts of a run, simulates a step of every layout within reach, and proposes the layout that
 * gains most over its cost, if {@link ChangeRule} agrees. Times are simulated on a cluster and scaled to the step time
 * that was measured.
 */
public final class Adaptation implements LayoutPolicy {
    /** For each layout, the least number of rows drawn, and the limits of its steps: enough for draws to even out. */
    private static final int ROWS = 8192;

    private static final int LEAST_STEPS = 2;
    private static final int MOST_STEPS = 8;

    private final Cluster cluster;
    private final Conditions conditions;
    private final Reach reach;
    private final ChangeRule rule;
    private final LoadAverages averages;
    private Optional<Choice> pending = Optional.empty();
    private double pauseMs;

    /**
     * What may change.
     *
     * @param experts places of experts among the expert ranks
     * @param sequences owners of sequences among the attention ranks
     * @param ratio attention ranks into expert ranks and back
     * @param redundantExperts places for replicas of experts in each layer, on all expert ranks together
     */
    public record Reach(boolean experts, boolean sequences, boolean ratio, int redundantExperts) {}

    /**
     * A layout and what it gains.
     *
     * @param move the layout
     * @param stepMs simulated time of a step
     * @param netMs what it gains over the steps to come, less its cost, simulated
     */
    private record Choice(Moves.Move move, double stepMs, double netMs) {}

    /**
     * A policy for one run.
     *
     * @param cluster devices and links on which times are simulated
     * @param conditions formats and launches
     * @param reach what may change
     * @param settings when it may change
     */
    public Adaptation(Cluster cluster, Conditions conditions, Reach reach, ChangeRule.Settings settings) {
        this.cluster = cluster.withoutVariation();
        this.conditions = conditions;
        this.reach = reach;
        rule = new ChangeRule(settings);
        averages = new LoadAverages(settings.interval());
    }

    @Override
    public int interval() {
        return rule.settings().interval();
    }

    @Override
    public synchronized Optional<Proposal> propose(LiveState state) {
        averages.update(state.loads(), state.decoded());
        if (!rule.mayChange(state.decoded()) || state.decoded() == 0) {
            return Optional.empty();
        }
        double[][] rows = averages.rowsPerStep();
        int sequences = state.positions().length;
        // Every layout is simulated with the same draws, since drawing takes longer than simulating.
        Scenario scenario = Scenario.decode(1, 1)
                .with(conditions)
                .withRouting(RoutingModel.loads(rows).remembering(sequences), 0)
                .withSteps(Math.clamp(ROWS / Math.max(1, sequences), LEAST_STEPS, MOST_STEPS), 1);
        double present = stepMs(state, state.plan(), state.owners(), scenario);
        double scale = Double.isNaN(state.stepMs()) ? 1 : state.stepMs() / present;
        Optional<Choice> best = Moves.of(state, rows, reach).stream()
                .filter(c -> !rule.avoids(state.decoded(), c.layout()))
                .flatMap(c -> choice(state, c, scenario, present, pauseMs / scale).stream())
                .filter(c -> rule.accepts(state.decoded(), c.move().layout(), c.netMs()))
                .max(Comparator.comparingDouble(Choice::netMs));
        pending = best;
        return best.map(c -> new Proposal(
                c.move().target(), c.move().kind(), (present - c.stepMs()) * scale));
    }

    private Optional<Choice> choice(
            LiveState state, Moves.Move move, Scenario scenario, double present, double pause) {
        Target target = move.target();
        try {
            Plan plan = target.plan(state.plan());
            List<Integer> owners = new ArrayList<>(target.owners().orElse(state.owners()));
            for (int sequence = 0; sequence < owners.size(); sequence++) {
                if (state.owners().get(sequence) < 0) {
                    owners.set(sequence, -1);
                }
            }
            double stepMs = stepMs(state, plan, owners, scenario);
            long bytes = MovedBytes.weights(state.plan(), plan)
                    + MovedBytes.cache(state.plan(), state.owners(), owners, state.positions(), conditions.kvFormat());
            double costMs = bytes / cluster.farthestLink().bytesPerSecond() * 1e3 + pause;
            return Optional.of(new Choice(
                    move, stepMs, rule.netGainMs(state.remaining(), present, stepMs, costMs)));
        } catch (PlanException e) {
            // This model or cluster does not allow the layout.
            return Optional.empty();
        }
    }

    private double stepMs(LiveState state, Plan plan, List<Integer> owners, Scenario scenario) {
        int[] contexts = state.positions().clone();
        for (int i = 0; i < contexts.length; i++) {
            contexts[i]++;
        }
        return LiveSteps.run(
                new Simulation(plan, cluster, scenario), Shares.owned(plan, owners, contexts), contexts)
                .meanMs(scenario.warmup());
    }

    @Override
    public synchronized void ended(LayoutChange change, LiveState state) {
        if (change.made()) {
            pauseMs = pauseMs == 0 ? change.cost().pausedMs() : (pauseMs + change.cost().pausedMs()) / 2;
            rule.avoid(change.step(), Moves.layout(change.kind(), state.plan(), state.owners()));
        } else {
            pending.ifPresent(c -> rule.avoid(change.step(), c.move().layout()));
        }
        pending = Optional.empty();
    }
}
