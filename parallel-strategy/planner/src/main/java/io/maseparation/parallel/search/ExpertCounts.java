package io.maseparation.parallel.search;

import io.maseparation.kernels.Routing;
import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.simulate.Conditions;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntUnaryOperator;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * How many rows visit each expert in every measured step, by copy of the experts and micro-batch. Plans that divide the
 * batch alike share these counts.
 */
final class ExpertCounts {
    /** Most numbers that are kept: 128 MiB. */
    private static final long MOST_KEPT = 1L << 25;

    private final ModelConfig config;
    private final IntUnaryOperator like;
    private final AtomicLong kept = new AtomicLong();
    private final Map<Division, Counts> known = new ConcurrentHashMap<>();
    private final AtomicReference<@Nullable BoundTimes> times = new AtomicReference<>();

    /** How a batch is divided, and what its routing depends on. */
    private record Division(
            int batch, int steps, int warmup, int microBatches, List<Integer> copyOfGroup, boolean separated) {}

    /** Rows by copy, micro-batch, layer, measured step and expert. */
    static final class Counts {
        private final int[][][][][] rows;

        private Counts(int copies, int microBatches, int layers, int steps) {
            rows = new int[copies][microBatches][layers][steps][];
        }

        /** Rows by measured step and expert. */
        int[][] of(int copy, int microBatch, int layer) {
            return rows[copy][microBatch][layer];
        }
    }

    ExpertCounts(ModelConfig config) {
        this(config, layer -> layer);
    }

    /** @param like for each layer an equal one, that or an earlier one, whose counts stand for its own */
    ExpertCounts(ModelConfig config, IntUnaryOperator like) {
        this.config = config;
        this.like = like;
    }

    /**
     * The counts of a simulation.
     *
     * @param simulation always with the same seed and the same routing, which remembers what it draws
     * @param shares which sequences each attention group has
     * @param copyOfGroup for each attention group, the copy of the experts that serves it
     */
    Counts of(Simulation simulation, Shares shares, List<Integer> copyOfGroup) {
        Plan plan = simulation.plan();
        Scenario scenario = simulation.scenario();
        Division division = new Division(
                scenario.batch(),
                scenario.steps(),
                scenario.warmup(),
                plan.batching().microBatches(),
                copyOfGroup,
                plan.layout() instanceof Layout.Separated);
        Counts counts = known.get(division);
        if (counts == null) {
            counts = count(scenario, shares, copyOfGroup, division.microBatches());
            long numbers = (long) counts.rows.length * division.microBatches() * scenario.steps()
                    * config.layers().size() * config.maxExperts();
            if (kept.addAndGet(numbers) <= MOST_KEPT) {
                known.put(division, counts);
            }
        }
        return counts;
    }

    /** Times of the model's parts on a cluster, which bounds share as they share these counts. */
    BoundTimes times(Simulation simulation) {
        Conditions conditions = simulation.scenario().conditions();
        BoundTimes of = times.get();
        if (of == null || !of.of(simulation.cluster(), conditions)) {
            of = new BoundTimes(simulation.cluster(), conditions);
            times.set(of);
        }
        return of;
    }

    private Counts count(Scenario scenario, Shares shares, List<Integer> copyOfGroup, int microBatches) {
        int copies = 1 + copyOfGroup.stream().mapToInt(c -> c).max().orElse(0);
        int layers = config.layers().size();
        int[] part = new int[scenario.batch()];
        for (int group = 0; group < shares.sequences().size(); group++) {
            for (int m = 0; m < microBatches; m++) {
                for (int row : shares.sequences().get(group, m)) {
                    part[row] = copyOfGroup.get(group) * microBatches + m;
                }
            }
        }
        Counts counts = new Counts(copies, microBatches, layers, scenario.steps());
        int[][] of = new int[copies * microBatches][];
        long[] rows = LongStream.range(0, scenario.batch()).toArray();
        for (int layer = 0; layer < layers; layer++) {
            if (like.applyAsInt(layer) < layer) {
                for (int[][][][] ofCopy : counts.rows) {
                    for (int[][][] ofMicroBatch : ofCopy) {
                        ofMicroBatch[layer] = ofMicroBatch[like.applyAsInt(layer)];
                    }
                }
                continue;
            }
            Routing rule = config.layers().get(layer).routing();
            for (int step = 0; step < scenario.steps(); step++) {
                for (int i = 0; i < of.length; i++) {
                    of[i] = new int[rule.experts()];
                    counts.rows[i / microBatches][i % microBatches][layer][step] = of[i];
                }
                int[] chosen = new int[rows.length * rule.topK()];
                scenario.routing().chooseAll(
                        scenario.seed(), scenario.warmup() + step, layer, rows, rule.topK(), chosen, rule.experts());
                int slot = 0;
                for (int ofRow : part) {
                    int[] visits = of[ofRow];
                    for (int end = slot + rule.topK(); slot < end; slot++) {
                        visits[chosen[slot]]++;
                    }
                }
            }
        }
        return counts;
    }
}
