package io.maseparation.parallel.studies.policies;

import io.maseparation.parallel.adapt.Adaptation;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.change.LayoutPolicy.Proposal;
import io.maseparation.parallel.layout.MovedBytes;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.simulate.LiveSteps;
import io.maseparation.parallel.simulate.Simulation;
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
    private Optional<Copying> copying = Optional.empty();
    private double copyingLeft;
    private double pauseSeconds;
    private double lastStepSeconds;
    private double lookSeconds;
    private int lastLook;

    /**
     * A change under way.
     *
     * @param bytes bytes that get to other devices
     * @param seconds time that this takes
     */
    private record Copying(
            Proposal proposal, LiveState state, Plan next, List<Integer> owners, long bytes, double seconds) {
        LayoutChange change(int step, Plan before, double copiedSeconds, double pauseSeconds, String outcome) {
            return new LayoutChange(
                    step,
                    proposal.kind(),
                    before.layout().name(),
                    next.layout().name(),
                    proposal.gainMs(),
                    new LayoutChange.Cost(bytes, copiedSeconds * 1e3, pauseSeconds * 1e3),
                    outcome.equals(LayoutChange.SWITCHED),
                    outcome);
        }
    }

    PolicyRun(PolicyScenario scenario, BalancingPolicy policy, RatioBounds bounds) {
        this.scenario = scenario;
        this.policy = policy;
        this.bounds = bounds;
        adaptation = policy.adaptation(scenario);
        record = new PolicyRecord(scenario, policy);
        plan = scenario.start().plan();
        owners = Shares.of(plan, scenario.contexts(scenario.context(0))).owners();
    }

    /** Looks, and runs the steps of a block. */
    void run(TraceBlock block) {
        if (block.first() >= scenario.warmup() && copying.isEmpty()) {
            look(block);
        }
        int[] contexts = scenario.contexts(block.context());
        int done = 0;
        while (done < block.steps()) {
            int left = block.steps() - done;
            int steps = copying.isEmpty()
                    ? left
                    : (int) Math.clamp(Math.ceil(copyingLeft / lastStepSeconds), 1, left);
            Simulation simulation = new Simulation(
                    plan,
                    copying.isEmpty()
                            ? scenario.start().cluster()
                            : scenario.migration().meanwhile(scenario.start().cluster()),
                    scenario.first()
                            .withRouting(block.routing().from(done), scenario.first().seed())
                            .withSteps(steps, 0));
            LiveSteps times = LiveSteps.run(simulation, Shares.owned(plan, owners, contexts), contexts);
            record.steps(block.first() + done, times, pauseSeconds, copying.isPresent(), plan.layout().name(),
                    bounds.seconds(block, done, steps, policy.changesRatio()));
            lookSeconds += times.total() + pauseSeconds;
            lastStepSeconds = times.total() / steps;
            pauseSeconds = 0;
            done += steps;
            copyingLeft -= times.total();
            if (copying.isPresent() && copyingLeft <= 0) {
                complete(copying.get(), block.first() + done);
            }
        }
    }

    private LiveState state(TraceBlock block) {
        // The token of the next step is not in the cache yet.
        int[] positions = scenario.contexts(Math.max(1, scenario.context(block.first()) - 1));
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
            scenario.checkMemory(next);
            List<Integer> nextOwners = proposal.target().owners().orElse(owners);
            long bytes = MovedBytes.weights(plan, next)
                    + MovedBytes.cache(
                            plan, owners, nextOwners, state.positions(), scenario.first().conditions().kvFormat());
            copyingLeft = scenario.migration().copySeconds(scenario.start().cluster(), bytes);
            copying = Optional.of(new Copying(proposal, state, next, nextOwners, bytes, copyingLeft));
        } catch (PlanException e) {
            end(new LayoutChange(state.decoded(), proposal.kind(), plan.layout().name(),
                    proposal.target().setup().layout().name(), proposal.gainMs(), LayoutChange.Cost.NONE, false,
                    "refused: " + e.getMessage()), state);
        }
    }

    private void complete(Copying made, int step) {
        copying = Optional.empty();
        pauseSeconds = scenario.migration().pauseSeconds();
        LayoutChange change = made.change(step, plan, made.seconds(), pauseSeconds, LayoutChange.SWITCHED);
        plan = made.next();
        owners = made.owners();
        end(change, made.state());
    }

    private void end(LayoutChange change, LiveState state) {
        record.change(change);
        adaptation.ifPresent(a -> a.ended(change, state));
    }

    /** The result, after the last block. */
    PolicyResult result() {
        // It slowed steps down, so it is reported.
        copying.ifPresent(c -> record.change(c.change(
                scenario.steps(), plan, c.seconds() - copyingLeft, 0, "unfinished: the trace ended")));
        copying = Optional.empty();
        return record.result(plan.layout().name());
    }
}
