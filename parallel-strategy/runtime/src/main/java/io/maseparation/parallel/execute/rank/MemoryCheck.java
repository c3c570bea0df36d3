package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.RankPlan;
import java.util.List;
import java.util.Locale;
import java.util.function.ToLongFunction;

/** Whether every rank fits its device, and all of them this machine, before anything is allocated. */
final class MemoryCheck {
    private MemoryCheck() {}

    static void check(Plan plan, List<Capacity> capacities, long deviceMemory, ToLongFunction<RankPlan> copied) {
        check(plan, capacities, deviceMemory, copied, plan.ranks(), new long[plan.ranks().size()]);
    }

    /** Bytes of a rank: weights, KV cache and activations. */
    static long held(Plan plan, RankPlan rank, Capacity capacity) {
        return rank.shard().weightBytes(plan.config())
                + capacity.kvBytes(plan.config(), rank.shard())
                + capacity.activationBytes(plan.config(), rank.shard());
    }

    /**
     * Checks the ranks that are to be set up beside what their devices hold already.
     *
     * @param copied bytes of weights that are copied for a rank
     * @param loaded ranks of the plan that are to be set up
     * @param beside for each rank of the plan the bytes that its device holds meanwhile
     */
    static void check(
            Plan plan,
            List<Capacity> capacities,
            long deviceMemory,
            ToLongFunction<RankPlan> copied,
            List<RankPlan> loaded,
            long[] beside) {
        long process = 0;
        for (RankPlan rank : loaded) {
            Capacity capacity = capacities.get(rank.rank());
            long held = rank.shard().weightBytes(plan.config());
            long kv = capacity.kvBytes(plan.config(), rank.shard());
            long activations = capacity.activationBytes(plan.config(), rank.shard());
            long total = held + kv + activations + beside[rank.rank()];
            process += kv + activations + copied.applyAsLong(rank);
            if (deviceMemory > 0 && total > deviceMemory) {
                throw new PlanException(
                        ("rank %d (%s) needs %s (weights %s, KV cache %s, activations %s%s), its device"
                                + " has %s: %s")
                                .formatted(
                                        rank.rank(),
                                        rank.role().id(),
                                        text(total),
                                        text(held),
                                        text(kv),
                                        text(activations),
                                        beside[rank.rank()] == 0
                                                ? ""
                                                : ", what it holds until the switch " + text(beside[rank.rank()]),
                                        text(deviceMemory),
                                        remedy(plan, rank, held, kv)));
            }
        }
        // Weights are in memory already, once for all ranks, except for the copies of parts.
        MemoryBudget.require(
                process,
                "the KV cache, activations and parts of weights of %d ranks".formatted(loaded.size()),
                "lower --max-tokens, --prefill-chunk or the number of prompts, or use --kv-dtype f16");
    }

    private static String text(long bytes) {
        return bytes >= 1L << 30
                ? String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30))
                : String.format(Locale.ROOT, "%.2f MiB", bytes / (double) (1L << 20));
    }

    private static String remedy(Plan plan, RankPlan rank, long held, long kv) {
        if (kv > held) {
            return "lower --max-tokens or the number of prompts, or use --kv-dtype f16";
        }
        return switch (plan.layout()) {
            case Layout.Single _ -> "use another --strategy, ma with --expert-devices say, which spreads the weights";
            case Layout.TensorPipeline _ -> "raise --tensor-parallel-size or --pipeline-parallel-size";
            case Layout.ExpertParallel _ -> "raise --expert-parallel-size or --attention-tensor-parallel-size";
            case Layout.Separated ma -> rank.group() < 0
                    ? ma.expertReplicas() > 1
                            ? "lower --expert-replicas or raise --expert-devices"
                            : "raise --expert-devices"
                    : "raise --attention-tensor-parallel-size";
        };
    }
}
