package io.maseparation.parallel.layout;

import io.maseparation.moe.AttentionSize;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Shard;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

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
        List<RankMemory> all = new ArrayList<>();
        List<RankPlan> different = new ArrayList<>();
        IdentityHashMap<List<Integer>, Integer> received = new IdentityHashMap<>();
        for (RankPlan rank : plan.ranks()) {
            int group = rank.group();
            Capacity capacity = new Capacity(
                    group < 0 ? 0 : rows.ofGroup(group),
                    received.computeIfAbsent(senders(rank), from -> rows.received(groups(plan, from))),
                    group < 0 ? 0 : rows.outputs(group),
                    group < 0 ? 0 : groupPositions[group],
                    contexts,
                    kvFormat);
            // Most ranks hold as much as one before them, and a search asks for those of thousands of plans.
            Optional<RankPlan> like = different.stream()
                    .filter(other -> all.get(other.rank()).capacity().equals(capacity)
                            && asLarge(other.shard(), rank.shard()))
                    .findFirst();
            if (like.isEmpty()) {
                different.add(rank);
            }
            all.add(like.map(other -> all.get(other.rank()))
                    .orElseGet(() -> of(plan.config(), rank.shard(), capacity)));
        }
        return List.copyOf(all);
    }

    /** Whether two shares have as much of everything, if not the same. */
    private static boolean asLarge(Shard a, Shard b) {
        return a.firstLayer() == b.firstLayer()
                && a.endLayer() == b.endLayer()
                && a.embedding() == b.embedding()
                && a.output().map(Shard.Vocabulary::size).equals(b.output().map(Shard.Vocabulary::size))
                && asLarge(a.attention().orElse(null), b.attention().orElse(null))
                && asLarge(a.experts().orElse(null), b.experts().orElse(null));
    }

    private static boolean asLarge(Shard.@Nullable Heads a, Shard.@Nullable Heads b) {
        if (a == null || b == null) {
            return a == null && b == null;
        }
        return a.queries() == b.queries() && a.kvs() == b.kvs() && a.parts() == b.parts();
    }

    private static boolean asLarge(Shard.@Nullable Experts a, Shard.@Nullable Experts b) {
        if (a == null || b == null) {
            return a == null && b == null;
        }
        boolean as = a.extra() == b.extra() && a.parts() == b.parts() && a.perLayer().size() == b.perLayer().size();
        for (int layer = 0; as && layer < a.perLayer().size(); layer++) {
            as = a.perLayer().get(layer).size() == b.perLayer().get(layer).size();
        }
        return as;
    }

    /**
     * {@return what a rank holds with buffers of given sizes}
     *
     * @param config the model
     * @param shard its share of that
     * @param capacity sizes of its buffers
     */
    public static RankMemory of(ModelConfig config, Shard shard, Capacity capacity) {
        return new RankMemory(
                capacity,
                shard.weightBytes(config),
                capacity.kvBytes(config, shard),
                capacity.activationBytes(config, shard));
    }

    /** Ranks whose rows may arrive for the rank's experts. */
    private static List<Integer> senders(RankPlan rank) {
        for (Op op : rank.program()) {
            List<Integer> from =
                    switch (op) {
                        case Op.Recv(List<Integer> peers, Tensor tensor, int layer) when tensor == Tensor.DISPATCH -> peers;
                        case Op.AllToAll(List<Integer> rail, Tensor tensor, int layer) -> rail;
                        default -> List.of();
                    };
            if (!from.isEmpty()) {
                // All layers exchange with the same ranks.
                return from;
            }
        }
        return List.of();
    }

    private static Set<Integer> groups(Plan plan, List<Integer> ranks) {
        return ranks.stream().map(rank -> plan.ranks().get(rank).group()).collect(Collectors.toSet());
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
