package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.CollectiveTable.Operation;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.RankPlan;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What is simulated: the programs of a plan on a cluster, event by event.
 *
 * @param plan layout and programs
 * @param cluster devices and links
 * @param scenario batch, context and how they are run
 */
public record Simulation(Plan plan, Cluster cluster, Scenario scenario) {

    /**
     * Simulates all steps.
     *
     * @param timeline whether to record what ran when
     * @return times and metrics
     * @throws PlanException if the plan names a device that the cluster lacks, a rank does not fit its device's memory
     *     (the message says which rank and by how much), or the batch and context make no sense
     */
    public SimulationResult run(boolean timeline) {
        MemoryFit memory = memory();
        EngineRun run = EngineRun.measured(this, steps(memory), memory);
        Optional<EngineRun> prefill = Optional.empty();
        if (scenario.prefillChunk() > 0) {
            Batches prompts = Batches.prefill(memory.shares(), scenario.context(), scenario.prefillChunk());
            prefill = Optional.of(EngineRun.of(this, prompts, memory));
        }
        return new Summary(run, memory).build(prefill, timeline);
    }

    /**
     * {@return the time between tokens in milliseconds, as {@code run(false).tpotMs()} but without all else}
     *
     * @throws PlanException as {@link #run}
     */
    public double tpotMs() {
        MemoryFit memory = memory();
        return EngineRun.of(this, steps(memory), memory).tpotSeconds(group -> true) * 1e3;
    }

    /**
     * {@return the time between tokens in milliseconds; infinite as soon as it is sure to exceed a limit}
     *
     * @param limitMs the limit, in milliseconds
     * @param shared what other simulations and bounds of the same layout have counted already
     * @throws PlanException as {@link #run}
     */
    public double tpotMs(double limitMs, SharedLoads shared) {
        MemoryFit memory = memory();
        Batches batches = steps(memory);
        ExpertLoads loads = new ExpertLoads(this, batches, Optional.of(shared));
        // A hair more, so that rounding ends nothing that is just within the limit.
        double seconds = limitMs * (1 + 1e-9) / 1e3 - cluster.profile().engineStepSeconds();
        double tpot = EngineRun.of(this, loads, memory, new TpotLimit(scenario, batches, seconds))
                .tpotSeconds(group -> true) * 1e3;
        return Double.isNaN(tpot) ? Double.POSITIVE_INFINITY : tpot;
    }

    private MemoryFit memory() {
        check();
        MemoryFit memory = new MemoryFit(this);
        memory.check();
        return memory;
    }

    private Batches steps(MemoryFit memory) {
        return Batches.decode(memory.shares(), scenario.context(), scenario.warmup() + scenario.steps());
    }

    /**
     * {@return where the times of the plan's collectives come from, in words, by operation; empty if it has none}
     * Messages between two ranks are not collectives.
     */
    public Map<Operation, String> collectiveSources() {
        Map<Operation, Set<List<Integer>>> groups = new EnumMap<>(Operation.class);
        for (RankPlan rank : plan.ranks()) {
            for (Op op : rank.program()) {
                if (op instanceof Op.Collective collective && collective.group().size() > 1) {
                    Operation operation = op instanceof Op.AllReduce ? Operation.ALL_REDUCE : Operation.ALL_TO_ALL;
                    groups.computeIfAbsent(operation, o -> new LinkedHashSet<>()).add(collective.group());
                }
            }
        }
        CollectiveTimes times = new CollectiveTimes(cluster, scenario.conditions().collectives());
        Map<Operation, String> sources = new EnumMap<>(Operation.class);
        groups.forEach((operation, all) -> sources.put(operation, all.stream()
                .map(group -> group.stream().map(plan.devices()::get).toList())
                .map(devices -> times.source(operation, devices))
                .distinct()
                .collect(Collectors.joining("; or "))));
        return sources;
    }

    private void check() {
        checkDevices();
        atLeast(1, "batch", scenario.batch());
        atLeast(1, "context", scenario.context());
        atLeast(1, "steps", scenario.steps());
        atLeast(1, "warmup", scenario.warmup());
        atLeast(0, "prefill_chunk", scenario.prefillChunk());
        if (scenario.context() > plan.config().maxPositions()) {
            throw new PlanException("'context' %d is more than the %d positions of %s"
                    .formatted(
                            scenario.context(),
                            plan.config().maxPositions(),
                            plan.config().name()));
        }
    }

    private static void atLeast(int least, String name, int value) {
        if (value < least) {
            throw new PlanException("'%s' must be at least %d, is %d".formatted(name, least, value));
        }
    }

    void checkDevices() {
        for (int rank = 0; rank < plan.devices().size(); rank++) {
            if (plan.devices().get(rank) >= cluster.size()) {
                throw new PlanException("rank %d is on device %d, but cluster %s has %d devices"
                        .formatted(rank, plan.devices().get(rank), cluster.name(), cluster.size()));
            }
        }
    }

    /**
     * {@return the same simulation for another scenario}
     *
     * @param other the scenario
     */
    public Simulation with(Scenario other) {
        return new Simulation(plan, cluster, other);
    }

    /** The same simulation on another cluster. */
    Simulation on(Cluster other) {
        return new Simulation(plan, other, scenario);
    }

    /** {@return the price of all devices in use for an hour; NaN if a price is unknown} */
    public double pricePerHour() {
        return plan.devices().stream().distinct().mapToDouble(d -> cluster.kindOf(d).pricePerHour())
                .reduce(0, Double::sum);
    }
}
