package io.maseparation.parallel.layout;

import io.maseparation.moe.AttentionSize;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import io.maseparation.moe.segments.Capacity;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What one rank of a plan holds in memory: the one definition, for what is executed and what is simulated.
 *
 * @param capacity sizes of its buffers
 * @param weightBytes bytes of its share of the weights
 * @param kvBytes bytes of its KV cache; 0 without attention
 * @param activationBytes bytes of its activations and scratch
 */
public record RankMemory(Capacity capacity, long weightBytes, long kvBytes, long activationBytes) {

    /**
     * {@return what every rank holds}
     *
     * @param plan the plan
     * @param shares where the sequences live, and the positions reserved for each
     * @param rows most rows of a step
     * @param kvFormat format of the KV cache
     */
    public static List<RankMemory> of(Plan plan, Shares shares, StepRows rows, Format kvFormat) {
        List<Integer> contexts = Arrays.stream(shares.capacity()).distinct().boxed().toList();
        return of(plan, shares.groupPositions(), contexts, rows, kvFormat);
    }

    /**
     * {@return what every rank holds}
     *
     * @param plan the plan
     * @param groupPositions for each group the positions of its KV cache
     * @param contexts positions of the sequences, each length once
     * @param rows most rows of a step
     * @param kvFormat format of the KV cache
     */
    public static List<RankMemory> of(
            Plan plan, int[] groupPositions, List<Integer> contexts, StepRows rows, Format kvFormat) {
        return plan.ranks().stream()
                .map(rank -> {
                    int group = rank.group();
                    return of(plan, rank, new Capacity(
                            group < 0 ? 0 : rows.ofGroup(group),
                            rows.received(senders(plan, rank)),
                            group < 0 ? 0 : rows.outputs(group),
                            group < 0 ? 0 : groupPositions[group],
                            contexts,
                            kvFormat));
                })
                .toList();
    }

    /**
     * {@return what a rank holds with buffers of given sizes}
     *
     * @param plan the plan
     * @param rank the rank
     * @param capacity sizes of its buffers
     */
    public static RankMemory of(Plan plan, RankPlan rank, Capacity capacity) {
        return new RankMemory(
                capacity,
                rank.shard().weightBytes(plan.config()),
                capacity.kvBytes(plan.config(), rank.shard()),
                capacity.activationBytes(plan.config(), rank.shard()));
    }

    /** Groups whose rows may arrive for the rank's experts, each row at most once. */
    private static Set<Integer> senders(Plan plan, RankPlan rank) {
        Set<Integer> groups = new HashSet<>();
        for (Op op : rank.program()) {
            List<Integer> from =
                    switch (op) {
                        case Op.Recv(List<Integer> peers, Tensor tensor, int layer) when tensor == Tensor.DISPATCH -> peers;
                        case Op.AllToAll(List<Integer> rail, Tensor tensor, int layer) -> rail;
                        default -> List.of();
                    };
            if (!from.isEmpty()) {
                from.forEach(peer -> groups.add(plan.ranks().get(peer).group()));
                // All layers exchange with the same ranks.
                return groups;
            }
        }
        return groups;
    }

    /**
     * {@return unique weights and live keys and values ÷ what all ranks hold of both: 1 where nothing is held twice}
     *
     * @param plan the plan
     * @param ranks what every rank holds
     * @param positions positions of each sequence
     * @param kvFormat format of the KV cache
     */
    public static double efficiency(Plan plan, List<RankMemory> ranks, int[] positions, Format kvFormat) {
        ModelConfig config = plan.config();
        long all = Arrays.stream(positions).asLongStream().sum();
        int longest = Arrays.stream(positions).max().orElse(0);
        double needed = ModelSize.of(config).weightBytes();
        double held = 0;
        for (ModelConfig.Layer layer : config.layers()) {
            needed += (double) AttentionSize.cachedBytes(config, kvFormat) * Capacity.kept(config, layer, all, longest);
        }
        for (RankMemory rank : ranks) {
            held += rank.weightBytes + rank.kvBytes;
        }
        return needed / held;
    }

    /** {@return bytes of everything} */
    public long bytes() {
        return weightBytes + kvBytes + activationBytes;
    }
}
