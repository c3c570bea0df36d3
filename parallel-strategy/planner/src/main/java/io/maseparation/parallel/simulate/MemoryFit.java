package io.maseparation.parallel.simulate;

import io.maseparation.files.Text;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.RankMemory;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.StepRows;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** What each rank holds, and whether that fits its device. */
public final class MemoryFit {
    /** Share of a device's memory that ranks may use; the rest is for the driver and for uneven division. */
    private static final double USABLE = 0.95;

    private final Simulation simulation;
    private final Shares shares;
    private final List<RankMemory> ranks;

    /**
     * Adds up what ranks hold, with a KV cache of the scenario's context for every sequence.
     *
     * @param simulation plan, cluster and scenario
     * @throws PlanException if a group of ranks would have more positions than a KV cache can have
     */
    public MemoryFit(Simulation simulation) {
        this(simulation, Shares.of(
                simulation.plan(), contexts(simulation.scenario().batch(), simulation.scenario().context())));
    }

    /** The same for sequences that have owners already, with the KV cache that their shares reserve. */
    MemoryFit(Simulation simulation, Shares shares) {
        this.simulation = simulation;
        this.shares = shares;
        Scenario scenario = simulation.scenario();
        StepRows rows = scenario.prefillChunk() > 0
                ? new StepRows(shares, shares.capacity(), scenario.prefillChunk())
                : StepRows.decode(shares);
        ranks = RankMemory.of(simulation.plan(), shares, rows, scenario.conditions().kvFormat());
    }

    /**
     * {@return [batch]: the same context for every sequence}
     *
     * @param batch number of sequences
     * @param context positions of each
     */
    public static int[] contexts(int batch, int context) {
        int[] contexts = new int[batch];
        Arrays.fill(contexts, context);
        return contexts;
    }

    /** Which sequences each group has. */
    Shares shares() {
        return shares;
    }

    RankMemory of(int rank) {
        return ranks.get(rank);
    }

    /** See {@link RankMemory#efficiency}. */
    double efficiency() {
        Scenario scenario = simulation.scenario();
        return RankMemory.efficiency(
                simulation.plan(), ranks, contexts(scenario.batch(), scenario.context()),
                scenario.conditions().kvFormat());
    }

    /**
     * Checks every device.
     *
     * @throws PlanException if a device is too small; the message names the rank that lacks most, and how much it lacks
     */
    public void check() {
        misfit().ifPresent(text -> {
            throw new PlanException(text);
        });
    }

    /** {@return which rank lacks most memory, and how much of it; empty if everything fits} */
    public Optional<String> misfit() {
        Plan plan = simulation.plan();
        double[] held = new double[simulation.cluster().size()];
        int worst = -1;
        double most = 0;
        for (RankPlan rank : plan.ranks()) {
            int device = plan.devices().get(rank.rank());
            held[device] += ranks.get(rank.rank()).bytes();
            double over = held[device] - USABLE * simulation.cluster().kindOf(device).memoryBytes();
            if (over > most) {
                most = over;
                worst = rank.rank();
            }
        }
        return worst < 0 ? Optional.empty() : Optional.of(misfit(worst, held[plan.devices().get(worst)], most));
    }

    private String misfit(int rank, double held, double over) {
        Plan plan = simulation.plan();
        var kind = simulation.cluster().kindOf(plan.devices().get(rank));
        RankMemory memory = ranks.get(rank);
        double others = held - memory.bytes();
        return "%s does not fit: rank %d (%s) needs %s (weights %s, KV cache %s, activations %s)%s, %s of %s are usable: %s too much"
                .formatted(
                        plan.layout().name(),
                        rank,
                        plan.ranks().get(rank).role().id(),
                        Text.bytes(memory.bytes()),
                        Text.bytes(memory.weightBytes()),
                        Text.bytes(memory.kvBytes()),
                        Text.bytes(memory.activationBytes()),
                        others > 0 ? ", those before it on its device " + Text.bytes(others) : "",
                        Text.bytes(USABLE * kind.memoryBytes()),
                        kind.name(),
                        Text.bytes(over));
    }
}
