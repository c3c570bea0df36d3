package io.maseparation.parallel.studies.policies;

import io.maseparation.parallel.adapt.Adaptation;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.change.LayoutPolicy.Proposal;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.MovedBytes;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.simulate.LiveSteps;
import io.maseparation.parallel.simulate.MemoryFit;
import io.maseparation.parallel.simulate.Scenario;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** One policy on a trace: looks, changes, and the steps between them. */
final class PolicyRun {
    private final PolicyScenario scenario;
    private final BalancingPolicy policy;
    private final Optional<Adaptation> adaptation;
    private final RatioBounds bounds;
    private final PolicyRecord record;
    private Plan plan;
    private List<Integer> owners;
    private Copying copying;
    private double pauseSeconds;
    private double lastStepSeconds;
    private double lookSeconds;
    private int lastLook;

    /** A change under way. */
    private static final class Copying {
        final Proposal proposal;
        final LiveState state;
        final Plan next;
        final List<Integer> owners;
        final long bytes;
        final double seconds;
        final Cluster meanwhile;
        double left;

        Copying(Proposal proposal, LiveState state, Plan next, List<Integer> owners, long bytes, double seconds,
                Cluster meanwhile) {
            this.proposal = proposal;
            this.state = state;
            this.next = next;
            this.owners = owners;
            this.bytes = bytes;
            this.seconds = seconds;
            this.meanwhile = meanwhile;
            left = seconds;
        }
    }

    PolicyRun(PolicyScenario scenario, BalancingPolicy policy, RatioBounds bounds) {
        this.scenario = scenario;
        this.policy = policy;
        this.bounds = bounds;
        adaptation = policy.adaptation(scenario);
        record = new PolicyRecord(scenario, policy);
        plan = scenario.plan();
        int[] lengths = new int[scenario.conditions().batch()];
        Arrays.fill(lengths, scenario.context(0));
        owners = Shares.of(plan, lengths).owners();
    }

    /** Looks, and runs the steps of a block. */
    void run(TraceBlock block) {
        if (block.first() >= scenario.warmup() && copying == null) {
            look(block);
        }
        int[] contexts = new int[scenario.conditions().batch()];
        Arrays.fill(contexts, block.context());
        int done = 0;
        while (done < block.steps()) {
            int left = block.steps() - done;
            int steps = copying == null
                    ? left
                    : (int) Math.clamp(Math.ceil(copying.left / lastStepSeconds), 1, left);
            Scenario conditions = scenario.conditions()
                    .withRouting(block.routing().from(done), scenario.conditions().seed())
                    .withSteps(steps, 0);
            LiveSteps times = LiveSteps.run(
                    plan,
                    copying == null ? scenario.cluster() : copying.meanwhile,
                    conditions,
                    Shares.owned(plan, owners, contexts).sequences(),
                    contexts);
            record.steps(block.first() + done, times, pauseSeconds, copying != null, plan.layout().name(),
                    bounds.seconds(block, done, steps, policy.changesRatio()));
            lookSeconds += times.total() + pauseSeconds;
            lastStepSeconds = times.total() / steps;
            pauseSeconds = 0;
            done += steps;
            if (copying != null) {
                copying.left -= times.total();
                if (copying.left <= 0) {
                    complete(block.first() + done);
                }
            }
        }
    }

    private LiveState state(TraceBlock block) {
        int[] positions = new int[scenario.conditions().batch()];
        // The token of the next step is not in the cache yet.
        Arrays.fill(positions, Math.max(1, scenario.context(block.first()) - 1));
        LiveState state = new LiveState(
                plan,
                owners,
                positions,
                block.first(),
                scenario.steps() - block.first(),
                block.before(),
                lookSeconds / (block.first() - lastLook) * 1e3);
        lastLook = block.first();
        lookSeconds = 0;
        return state;
    }

    private void look(TraceBlock block) {
        if (block.first() > scenario.warmup() && adaptation.isEmpty()) {
            return;
        }
        LiveState state = state(block);
        Optional<Proposal> proposal =
                adaptation.isPresent() ? adaptation.get().propose(state) : policy.order(scenario, state);
        proposal.ifPresent(p -> begin(p, state));
    }

    private void begin(Proposal proposal, LiveState state) {
        try {
            Plan next = proposal.target().plan(plan);
            Scenario last = Scenario.decode(scenario.conditions().batch(), scenario.context(scenario.steps() - 1));
            new MemoryFit(next, scenario.cluster(), last).check();
            List<Integer> nextOwners = proposal.target().owners().orElse(owners);
            long bytes = MovedBytes.weights(plan, next)
                    + MovedBytes.cache(plan, owners, nextOwners, state.positions(), scenario.conditions().kvType());
            copying = new Copying(
                    proposal,
                    state,
                    next,
                    nextOwners,
                    bytes,
                    scenario.migration().copySeconds(scenario.cluster(), bytes),
                    scenario.migration().meanwhile(scenario.cluster()));
        } catch (PlanException e) {
            end(new LayoutChange(state.decoded(), proposal.kind(), plan.layout().name(),
                    proposal.target().setup().layout().name(), proposal.gainMs(), LayoutChange.Cost.NONE, false,
                    "refused: " + e.getMessage()), state);
        }
    }

    private void complete(int step) {
        Copying made = copying;
        copying = null;
        pauseSeconds = scenario.migration().pauseSeconds();
        LayoutChange change = new LayoutChange(
                step,
                made.proposal.kind(),
                plan.layout().name(),
                made.next.layout().name(),
                made.proposal.gainMs(),
                new LayoutChange.Cost(made.bytes, made.seconds * 1e3, pauseSeconds * 1e3),
                true,
                LayoutChange.SWITCHED);
        plan = made.next;
        owners = made.owners;
        end(change, made.state);
    }

    private void end(LayoutChange change, LiveState state) {
        record.change(change);
        adaptation.ifPresent(a -> a.ended(change, state));
    }

    /** What came out, after the last block. */
    PolicyResult result() {
        if (copying != null) {
            // Its steps were slowed down, so it is told of.
            record.change(new LayoutChange(
                    scenario.steps(),
                    copying.proposal.kind(),
                    plan.layout().name(),
                    copying.next.layout().name(),
                    copying.proposal.gainMs(),
                    new LayoutChange.Cost(copying.bytes, (copying.seconds - copying.left) * 1e3, 0),
                    false,
                    "unfinished: the trace ended"));
            copying = null;
        }
        return record.result(plan.layout().name());
    }
}
