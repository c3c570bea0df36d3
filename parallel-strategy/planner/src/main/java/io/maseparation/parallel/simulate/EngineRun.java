package io.maseparation.parallel.simulate;

import java.util.function.IntPredicate;

/**
 * One run of the engine.
 *
 * @param simulation what was simulated
 * @param batches which rows each step had
 * @param engine the engine, which knows what each rank sent
 * @param log what happened
 * @param loads which rows went to which experts
 * @param tokens when tokens came out
 */
record EngineRun(
        Simulation simulation, Batches batches, Engine engine, Log log, ExpertLoads loads, TokenTimes tokens) {

    static EngineRun of(Simulation simulation, Batches batches, MemoryFit memory) {
        return of(simulation, batches, memory, new TpotLimit(simulation.scenario(), batches, Double.POSITIVE_INFINITY));
    }

    /** The same with sums of loads over the steps after the warm-up. */
    static EngineRun measured(Simulation simulation, Batches batches, MemoryFit memory) {
        ExpertLoads loads = new ExpertLoads(simulation, batches);
        loads.measure(simulation.scenario().warmup());
        return of(simulation, loads, memory,
                new TpotLimit(simulation.scenario(), batches, Double.POSITIVE_INFINITY));
    }

    /** The same up to when a limit is sure to be exceeded; then times of tokens are missing. */
    static EngineRun of(Simulation simulation, Batches batches, MemoryFit memory, TpotLimit limit) {
        return of(simulation, new ExpertLoads(simulation, batches), memory, limit);
    }

    /** The same with loads that others may share. */
    static EngineRun of(Simulation simulation, ExpertLoads loads, MemoryFit memory, TpotLimit limit) {
        Batches batches = loads.batches();
        CollectiveTimes collectives =
                new CollectiveTimes(simulation.cluster(), simulation.scenario().conditions().collectives());
        TokenTimes tokens = new TokenTimes(batches);
        Engine engine = new Engine(
                new Programs(simulation.plan()),
                new Costs(simulation, batches, loads, collectives, memory),
                simulation.cluster(),
                batches.steps(),
                (rank, microBatch, step, time, entry) -> {
                    int group = simulation.plan().ranks().get(rank).group();
                    if (batches.of(group, microBatch, step).shape().outputs() > 0) {
                        tokens.set(group, microBatch, step, time, entry);
                        limit.sampled(group, microBatch, step, time);
                    }
                },
                limit::until);
        return new EngineRun(simulation, batches, engine, engine.run(), loads, tokens);
    }

    /** What the serving engine adds to every step, in seconds. */
    double engineSeconds() {
        return simulation.cluster().profile().engineStepSeconds();
    }

    /**
     * Mean over the sequences of some groups of the time per step from the last token of the warm-up to the last token,
     * and of the engine's own part of a step, in seconds; NaN if they have none.
     */
    double tpotSeconds(IntPredicate groups) {
        Scenario scenario = simulation.scenario();
        double sum = 0;
        double sequences = 0;
        for (int group = 0; group < batches.groups(); group++) {
            for (int m = 0; m < batches.microBatches() && groups.test(group); m++) {
                double[] times = tokens.of(group, m);
                int n = batches.of(group, m, 0).count();
                if (n > 0) {
                    sum += n * (times[times.length - 1] - times[scenario.warmup() - 1]) / scenario.steps();
                    sequences += n;
                }
            }
        }
        return sum / sequences + engineSeconds();
    }

    /** Mean time of a sequence's first token in seconds, after a prefill; NaN if no sequence has one. */
    double meanSampleSeconds() {
        double sum = 0;
        long sequences = 0;
        for (int group = 0; group < batches.groups(); group++) {
            for (int m = 0; m < batches.microBatches(); m++) {
                for (int step = 0; step < batches.steps(); step++) {
                    int outputs = batches.of(group, m, step).shape().outputs();
                    if (outputs > 0) {
                        sum += outputs * (tokens.of(group, m)[step] + (step + 1) * engineSeconds());
                        sequences += outputs;
                    }
                }
            }
        }
        return sequences == 0 ? Double.NaN : sum / sequences;
    }

    /** Time of the last sequence's first token in seconds, after a prefill; NaN if no sequence has one. */
    double lastSampleSeconds() {
        double last = Double.NaN;
        for (int step = 0; step < batches.steps(); step++) {
            double seconds = tokens.last(step);
            if (seconds > 0) {
                last = Math.max(Double.isNaN(last) ? 0 : last, seconds + (step + 1) * engineSeconds());
            }
        }
        return last;
    }
}
