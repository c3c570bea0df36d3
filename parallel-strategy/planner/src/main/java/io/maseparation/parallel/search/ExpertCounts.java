package io.maseparation.parallel.search;

import io.maseparation.kernels.Routing;
import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PerMicroBatch;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.simulate.Scenario;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How many rows of a copy of the experts and of a micro-batch visit each expert, in every measured step: what plans that
 * divide the batch alike have in common.
 */
final class ExpertCounts {
    /** Numbers kept at most: 128 MiB. */
    private static final long MOST_KEPT = 1L << 25;

    private final ModelConfig config;
    private final AtomicLong kept = new AtomicLong();
    private final Map<Division, int[][][][][]> known = new ConcurrentHashMap<>();
    private final Map<Draw, int[]> drawn = new ConcurrentHashMap<>();

    /** How a batch is divided, and what its routing depends on. */
    private record Division(
            int batch, int steps, int warmup, int microBatches, List<Integer> copyOfGroup, boolean separated) {}

    /** What the choices of all rows depend on. */
    private record Draw(int batch, int step, int layer) {}

    ExpertCounts(ModelConfig config) {
        this.config = config;
    }

    /**
     * Counts.
     *
     * @param scenario always with the same routing and seed
     * @param sequences for each attention group and micro-batch its sequences
     * @param copyOfGroup for each attention group the copy of the experts that it goes to
     * @return by copy, micro-batch, layer, measured step and expert
     */
    int[][][][][] of(Plan plan, Scenario scenario, PerMicroBatch<List<Integer>> sequences, List<Integer> copyOfGroup) {
        Division division = new Division(
                scenario.batch(),
                scenario.steps(),
                scenario.warmup(),
                plan.batching().microBatches(),
                copyOfGroup,
                plan.layout() instanceof Layout.Separated);
        int[][][][][] counts = known.get(division);
        if (counts == null) {
            counts = count(scenario, sequences, copyOfGroup, division.microBatches());
            long numbers = (long) counts.length * division.microBatches() * scenario.steps()
                    * config.layers().size() * config.maxExperts();
            if (kept.addAndGet(numbers) <= MOST_KEPT) {
                known.put(division, counts);
            }
        }
        return counts;
    }

    private int[][][][][] count(
            Scenario scenario, PerMicroBatch<List<Integer>> sequences, List<Integer> copyOfGroup, int microBatches) {
        int copies = 1 + copyOfGroup.stream().mapToInt(c -> c).max().orElse(0);
        int layers = config.layers().size();
        int[] part = new int[scenario.batch()];
        for (int group = 0; group < sequences.size(); group++) {
            for (int m = 0; m < microBatches; m++) {
                for (int row : sequences.get(group, m)) {
                    part[row] = copyOfGroup.get(group) * microBatches + m;
                }
            }
        }
        int[][][][][] counts = new int[copies][microBatches][layers][scenario.steps()][];
        int[][] of = new int[copies * microBatches][];
        for (int layer = 0; layer < layers; layer++) {
            Routing rule = config.layers().get(layer).routing();
            for (int step = 0; step < scenario.steps(); step++) {
                for (int i = 0; i < of.length; i++) {
                    of[i] = new int[rule.experts()];
                    counts[i / microBatches][i % microBatches][layer][step] = of[i];
                }
                int[] chosen = choices(scenario, layer, step, rule);
                for (int i = 0; i < chosen.length; i++) {
                    of[part[i / rule.topK()]][chosen[i]]++;
                }
            }
        }
        return counts;
    }

    /** Experts of all rows, one row after the other. */
    private int[] choices(Scenario scenario, int layer, int step, Routing rule) {
        Draw draw = new Draw(scenario.batch(), scenario.warmup() + step, layer);
        int[] all = drawn.get(draw);
        if (all == null) {
            all = new int[scenario.batch() * rule.topK()];
            int[] chosen = new int[rule.topK()];
            for (int row = 0; row < scenario.batch() && chosen.length > 0; row++) {
                scenario.routing().choose(scenario.seed(), draw.step(), layer, row, chosen, rule.experts());
                System.arraycopy(chosen, 0, all, row * chosen.length, chosen.length);
            }
            if (kept.addAndGet(all.length) <= MOST_KEPT) {
                drawn.put(draw, all);
            }
        }
        return all;
    }
}
