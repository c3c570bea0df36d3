package io.maseparation.parallel.layout;

import io.maseparation.moe.AttentionSize;
import io.maseparation.moe.Format;
import io.maseparation.moe.segments.Shard;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What has to get to other ranks when a run goes from one plan to another. */
public final class MovedBytes {
    private MovedBytes() {}

    /**
     * {@return bytes of weights that ranks have in the new plan and not in the old one}
     *
     * @param old the plan that was run so far
     * @param next the plan to go on with, of as many ranks
     */
    public static long weights(Plan old, Plan next) {
        long sum = 0;
        for (RankPlan rank : next.ranks()) {
            sum += added(old.ranks().get(rank.rank()).shard(), rank.shard()).weightBytes(next.config());
        }
        return sum;
    }

    /**
     * {@return bytes of keys and values of sequences that change their owner}
     *
     * @param plan the plan that was run so far
     * @param owners attention group of each sequence; −1 for one that has ended
     * @param nextOwners the same in the new plan
     * @param positions positions of each sequence
     * @param kvFormat format of the KV cache
     */
    public static long cache(
            Plan plan, List<Integer> owners, List<Integer> nextOwners, int[] positions, Format kvFormat) {
        long moved = 0;
        for (int sequence = 0; sequence < positions.length; sequence++) {
            boolean moves = owners.get(sequence) >= 0 && !owners.get(sequence).equals(nextOwners.get(sequence));
            moved += moves ? positions[sequence] : 0;
        }
        long bytes = 0;
        for (RankPlan rank : plan.ranks()) {
            // The slices of one group hold a sequence together.
            if (rank.group() == 0) {
                Shard shard = rank.shard();
                int cached = AttentionSize.cachedElements(plan.config(), shard.attention().orElseThrow().kvs());
                bytes += (shard.endLayer() - shard.firstLayer()) * kvFormat.bytes(cached);
            }
        }
        return bytes * moved;
    }

    /** The part of a shard that another shard does not have. */
    private static Shard added(Shard old, Shard shard) {
        Optional<Shard.Experts> experts = shard.experts();
        if (experts.isPresent() && old.experts().isPresent()) {
            List<List<Integer>> more = new ArrayList<>();
            for (int layer = 0; layer < experts.get().perLayer().size(); layer++) {
                List<Integer> there = old.experts().get().perLayer().get(layer);
                more.add(experts.get().perLayer().get(layer).stream()
                        .filter(e -> !there.contains(e))
                        .toList());
            }
            experts = Optional.of(
                    new Shard.Experts(more, false, experts.get().part(), experts.get().parts()));
        }
        boolean same = old.attention().equals(shard.attention());
        return new Shard(
                shard.firstLayer(),
                shard.endLayer(),
                same ? Optional.empty() : shard.attention(),
                experts,
                shard.embedding() && !same,
                same ? Optional.empty() : shard.output());
    }
}
