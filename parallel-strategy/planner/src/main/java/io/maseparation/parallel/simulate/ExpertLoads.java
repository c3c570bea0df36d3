package io.maseparation.parallel.simulate;

import io.maseparation.kernels.Routing;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.StepShape.ExpertLoad;
import io.maseparation.parallel.layout.NodeRoutes;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.ReplicaChoice;
import java.util.Arrays;
import java.util.BitSet;
import java.util.IntSummaryStatistics;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Which rows go to which experts: drawn for each row, counted for each pair of an attention group and a group of expert
 * ranks. If experts have replicas, each attention group divides its rows among them as in a run. The counts of a layer,
 * micro-batch and step are made when they are first needed and kept until the step after the next.
 */
final class ExpertLoads {
    private final ModelConfig config;
    private final ExpertMap map;
    private final RoutingModel routing;
    private final long seed;
    private final Batches batches;
    private final int expertGroups;
    private final int ranks;
    private final Counts[][][] kept;
    /** By attention group; empty if no expert has replicas. */
    private final ReplicaChoice[] choices;
    /** By layer and attention group, the expert group that serves each expert; null where rows differ in it. */
    private final int[][][] serving;
    /** Where rows enter nodes, if they cross to each once. */
    private final Optional<NodeRoutes> routes;

    private final int[] slotsOfRow;
    /** Rows and slots counted so far: a row is seen once by each expert group. */
    private final int[] lastRow;

    private int rowsSeen;
    private int[] chosen = new int[0];

    private final Optional<SharedLoads> shared;
    /** Of the steps after the warm-up, where these are asked for. */
    private Optional<Measured> measured = Optional.empty();

    private double imbalances;
    private long counted;

    /** Counts of one layer, micro-batch and step. */
    static final class Counts {
        private final int step;
        /** Rows from each attention group to each expert group. */
        private final int[][] rows;

        /** Pairs of a row and an expert, by expert group and attention group, the order in which they are read. */
        private final int[][] pairs;

        private final int[] allRows;
        private final int[] allPairs;
        private final int[] extra;
        /** By expert group and expert: whether a row of the group's visits it. */
        private final boolean[] visited;

        private final int[] active;
        private final BitSet distinct;
        private final int experts;
        /** Rows from each attention group that enter another node at each rank; empty if all ranks are sent rows. */
        private final int[][] entering;
        /** Rows that each rank forwards to each other one; likewise. */
        private final int[][] forwarded;

        /** @param ranks number of ranks if rows cross to nodes once; otherwise 0 */
        Counts(int step, int groups, int expertGroups, int experts, int ranks) {
            this.step = step;
            rows = new int[groups][expertGroups];
            pairs = new int[expertGroups][groups];
            allRows = new int[expertGroups];
            allPairs = new int[expertGroups];
            extra = new int[expertGroups];
            visited = new boolean[expertGroups * experts];
            active = new int[expertGroups];
            distinct = new BitSet(experts);
            this.experts = experts;
            entering = new int[ranks == 0 ? 0 : groups][ranks];
            forwarded = new int[ranks][ranks];
        }

        /** How many numbers these are, about. */
        long numbers() {
            return 2L * rows.length * active.length + visited.length / Integer.BYTES
                    + (long) forwarded.length * (entering.length + forwarded.length);
        }

        /** Number of rows of an attention group that enter the node of a rank there, coming from another node. */
        int entering(int group, int rank) {
            return entering[group][rank];
        }

        /** Number of rows that a rank forwards to another one of its node. */
        int forwarded(int from, int to) {
            return forwarded[from][to];
        }

        private NodeRoutes.Visitor routed(int group) {
            int[] ofGroup = entering[group];
            return (entry, to) -> {
                if (entry == to) {
                    ofGroup[entry]++;
                } else {
                    forwarded[entry][to]++;
                }
            };
        }

        private void visit(int expertGroup, int expert) {
            visited[expertGroup * experts + expert] = true;
        }

        /** When all rows were counted: which experts are visited, and how many of each expert group. */
        private void close() {
            int at = 0;
            for (int expertGroup = 0; expertGroup < active.length; expertGroup++) {
                int number = 0;
                for (int expert = 0; expert < experts; expert++) {
                    if (visited[at++]) {
                        number++;
                        distinct.set(expert);
                    }
                }
                active[expertGroup] = number;
            }
        }

        private void addPairs(int group, int expertGroup, int number) {
            pairs[expertGroup][group] += number;
            allPairs[expertGroup] += number;
        }

        private void add(int group, int expertGroup, boolean firstOfRow) {
            addPairs(group, expertGroup, 1);
            if (firstOfRow) {
                rows[group][expertGroup]++;
                allRows[expertGroup]++;
            }
        }

        /** Number of rows that an attention group sends to an expert group. */
        int rows(int group, int expertGroup) {
            return rows[group][expertGroup];
        }

        /** Number of outputs that come back: one per row and expert, the shared expert included. */
        int pairs(int group, int expertGroup) {
            return pairs[expertGroup][group];
        }

        /** All work of an expert group. */
        ExpertLoad load(int expertGroup) {
            return new ExpertLoad(
                    allRows[expertGroup],
                    allPairs[expertGroup] - extra[expertGroup],
                    active[expertGroup],
                    extra[expertGroup]);
        }
    }

    /** Sums over all micro-batches and measured steps. */
    final class Measured {
        private final int warmup;
        private final long[] pairs = new long[expertGroups];
        /** By layer and measured step: the experts that any row visits. */
        private final BitSet[][] visited;
        /** Layers, micro-batches and steps that are in these sums: a step may be counted again. */
        private final BitSet noted = new BitSet();

        private Measured(int warmup) {
            this.warmup = warmup;
            visited = new BitSet[config.layers().size()][batches.steps() - warmup];
        }

        private int index(int layer, int microBatch, int step) {
            return (layer * batches.microBatches() + microBatch) * batches.steps() + step;
        }

        private void note(int layer, int microBatch, Counts counts) {
            int at = index(layer, microBatch, counts.step);
            if (counts.step < warmup || noted.get(at)) {
                return;
            }
            noted.set(at);
            for (int group = 0; group < pairs.length; group++) {
                pairs[group] += counts.allPairs[group] - counts.extra[group];
            }
            BitSet[] of = visited[layer];
            if (of[counts.step - warmup] == null) {
                of[counts.step - warmup] = counts.distinct;
            } else {
                of[counts.step - warmup].or(counts.distinct);
            }
        }

        /** What no operation asked for is counted now. */
        private void complete() {
            for (int layer = 0; layer < visited.length; layer++) {
                for (int step = warmup; step < batches.steps(); step++) {
                    for (int m = 0; m < batches.microBatches(); m++) {
                        if (!noted.get(index(layer, m, step))) {
                            of(layer, m, step);
                        }
                    }
                }
            }
        }

        /** Pairs of a row and a routed expert of an expert group. */
        long pairs(int expertGroup) {
            return pairs[expertGroup];
        }

        /** Number of experts of a layer that rows of one step visit, averaged over steps. */
        double distinct(int layer) {
            return Arrays.stream(visited[layer]).mapToInt(BitSet::cardinality).average().orElseThrow();
        }
    }

    ExpertLoads(Simulation simulation, Batches batches) {
        this(simulation, batches, Optional.empty());
    }

    /** @param shared where counts are kept for others, too */
    ExpertLoads(Simulation simulation, Batches batches, Optional<SharedLoads> shared) {
        this.shared = shared;
        Plan plan = simulation.plan();
        config = plan.config();
        map = new ExpertMap(plan);
        routing = simulation.scenario().routing();
        seed = simulation.scenario().seed();
        this.batches = batches;
        expertGroups = map.groups();
        kept = new Counts[config.layers().size()][batches.microBatches()][2];
        choices = new ReplicaChoice[plan.placement().experts().replicated() ? batches.groups() : 0];
        Arrays.setAll(choices, group -> new ReplicaChoice(config, plan.placement(), group));
        serving = new int[config.layers().size()][batches.groups()][];
        lastRow = new int[expertGroups];
        routes = NodeRoutes.of(plan);
        ranks = plan.ranks().size();
        slotsOfRow = new int[Math.max(1, config.maxSlots())];
    }

    /** The expert groups that serve the experts of a layer for a group's rows, if no expert has replicas. */
    private int[] serving(int layer, int group, int experts) {
        int[] of = serving[layer][group];
        if (of == null) {
            // Layers mostly have the same experts in the same places, and then share what is known of them.
            of = IntStream.range(0, experts).map(e -> map.serving(layer, e, group, 0)).toArray();
            if (layer > 0 && Arrays.equals(of, serving[layer - 1][group])) {
                of = serving[layer - 1][group];
            }
            serving[layer][group] = of;
        }
        return of;
    }

    /** The rows of each step. */
    Batches batches() {
        return batches;
    }

    /** Which group of expert ranks serves which rows. */
    ExpertMap map() {
        return map;
    }

    /**
     * Largest over mean number of pairs of an expert group, averaged over all layers, micro-batches and steps that were
     * counted; NaN if there were none.
     */
    double meanImbalance() {
        return imbalances / counted;
    }

    /** From now on sums over measured steps are made while they are counted. */
    void measure(int warmup) {
        measured = Optional.of(new Measured(warmup));
    }

    /** Sums over all measured steps, if they are made. */
    Measured measured() {
        Measured of = measured.orElseThrow();
        of.complete();
        return of;
    }

    /** Counts of a layer. */
    Counts of(int layer, int microBatch, int step) {
        Counts counts = kept[layer][microBatch][step & 1];
        if (counts == null || counts.step != step) {
            counts = shared.isPresent()
                    ? shared.get().of(layer, microBatch, step, () -> counted(layer, microBatch, step))
                    : counted(layer, microBatch, step);
            kept[layer][microBatch][step & 1] = counts;
            noteImbalance(counts.allPairs);
            if (measured.isPresent()) {
                measured.get().note(layer, microBatch, counts);
            }
        }
        return counts;
    }

    private Counts counted(int layer, int microBatch, int step) {
        int experts = Math.max(1, config.layers().get(layer).routing().experts());
        Counts counts = new Counts(step, batches.groups(), expertGroups, experts, routes.isEmpty() ? 0 : ranks);
        for (int group = 0; group < batches.groups(); group++) {
            count(counts, layer, group, batches.of(group, microBatch, step).ids(), step);
        }
        counts.close();
        return counts;
    }

    private void noteImbalance(int[] pairs) {
        IntSummaryStatistics of = Arrays.stream(pairs).summaryStatistics();
        if (of.getSum() > 0) {
            imbalances += (double) of.getMax() * pairs.length / of.getSum();
            counted++;
        }
    }

    private void count(Counts counts, int layer, int group, long[] ids, int step) {
        Routing rule = config.layers().get(layer).routing();
        int slots = rule.topK();
        if (chosen.length < ids.length * slots || choices.length > 0) {
            chosen = new int[ids.length * slots];
        }
        if (slots > 0) {
            routing.chooseAll(seed, batches.prefill() ? -1 : step, layer, ids, slots, chosen, rule.experts());
        }
        if (choices.length == 0 && expertGroups <= Long.SIZE) {
            countBits(counts, layer, group, ids.length, rule);
        } else {
            countSlots(counts, layer, group, ids.length, rule);
        }
    }

    /** Counts the choices of a group's rows, one slot after the other. */
    private void countSlots(Counts counts, int layer, int group, int rows, Routing rule) {
        int slots = rule.topK();
        int[] assigned = choices.length == 0 ? chosen : choices[group].assign(layer, chosen, slots);
        int[] of = choices.length == 0 ? serving(layer, group, rule.experts()) : chosen;
        boolean extra = rule.extra() != Routing.Extra.NONE;
        Optional<NodeRoutes.Visitor> routed = routes.map(r -> counts.routed(group));
        for (int row = 0; row < rows; row++) {
            rowsSeen++;
            for (int slot = row * slots; slot < (row + 1) * slots; slot++) {
                int expert = chosen[slot];
                int to = choices.length == 0 ? of[expert] : assigned[slot];
                slotsOfRow[slot - row * slots] = to;
                counts.add(group, to, lastRow[to] != rowsSeen);
                lastRow[to] = rowsSeen;
                counts.visit(to, expert);
            }
            if (extra) {
                int to = map.serving(layer, rule.experts(), group, row);
                counts.add(group, to, lastRow[to] != rowsSeen);
                counts.extra[to]++;
                slotsOfRow[slots] = to;
            }
            if (routed.isPresent()) {
                routes.orElseThrow().visit(group, row, slotsOfRow, 0, rule.slots(), routed.get());
            }
        }
    }

    /** The same where no expert has replicas and there are few expert groups: a row's are bits of a number. */
    private void countBits(Counts counts, int layer, int group, int rows, Routing rule) {
        int slots = rule.topK();
        int[] of = serving(layer, group, rule.experts());
        int[] sent = counts.rows[group];
        int[] pairs = new int[expertGroups];
        boolean[] visited = counts.visited;
        boolean extra = rule.extra() != Routing.Extra.NONE;
        int slot = 0;
        for (int row = 0; row < rows; row++) {
            long needed = 0;
            for (int end = slot + slots; slot < end; slot++) {
                int expert = chosen[slot];
                int to = of[expert];
                pairs[to]++;
                visited[to * counts.experts + expert] = true;
                needed |= 1L << to;
            }
            if (extra) {
                int to = map.serving(layer, rule.experts(), group, row);
                pairs[to]++;
                counts.extra[to]++;
                needed |= 1L << to;
            }
            for (long left = needed; left != 0; left &= left - 1) {
                sent[Long.numberOfTrailingZeros(left)]++;
            }
            if (routes.isPresent()) {
                routes.get().count(group, row, needed, counts.entering[group], counts.forwarded);
            }
        }
        for (int to = 0; to < expertGroups; to++) {
            counts.allRows[to] += sent[to];
            if (pairs[to] > 0) {
                counts.addPairs(group, to, pairs[to]);
            }
        }
    }
}
