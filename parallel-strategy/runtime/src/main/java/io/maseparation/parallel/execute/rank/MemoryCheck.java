package io.maseparation.parallel.execute.rank;

import io.maseparation.files.Text;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.RankMemory;
import io.maseparation.parallel.layout.RankPlan;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/** Whether every rank fits its device, and all of them this machine, before anything is allocated. */
final class MemoryCheck {
    private MemoryCheck() {}

    /**
     * Checks ranks that are to be set up for a start.
     *
     * @param memory what every rank of the plan will hold
     * @param copied bytes of weights that are copied for a rank
     * @param here ranks that live in this process; those of others check themselves
     */
    static void check(
            Plan plan, List<RankMemory> memory, long deviceMemory, ToLongFunction<RankPlan> copied,
            List<Integer> here) {
        check(plan, memory, deviceMemory, copied, here.stream().map(plan.ranks()::get).toList(),
                new long[plan.ranks().size()]);
    }

    /**
     * Checks the ranks that are to be set up beside what their devices hold already.
     *
     * @param memory what every rank of the plan will hold
     * @param copied bytes of weights that are copied for a rank
     * @param loaded ranks of the plan that are to be set up
     * @param beside for each rank of the plan the bytes that its device holds meanwhile
     */
    static void check(
            Plan plan,
            List<RankMemory> memory,
            long deviceMemory,
            ToLongFunction<RankPlan> copied,
            List<RankPlan> loaded,
            long[] beside) {
        long process = 0;
        for (RankPlan rank : loaded) {
            RankMemory held = memory.get(rank.rank());
            long total = held.bytes() + beside[rank.rank()];
            process += held.capacity().hostBytes(plan.config(), rank.shard()) + copied.applyAsLong(rank);
            if (deviceMemory > 0 && total > deviceMemory) {
                throw new PlanException(
                        ("rank %d (%s) needs %s (weights %s, KV cache %s, activations %s%s), more than the"
                                + " 'device_memory' of %s: %s")
                                .formatted(
                                        rank.rank(),
                                        rank.role().id(),
                                        Text.bytes(total),
                                        Text.bytes(held.weightBytes()),
                                        Text.bytes(held.kvBytes()),
                                        Text.bytes(held.activationBytes()),
                                        beside[rank.rank()] == 0
                                                ? ""
                                                : ", what it holds until the switch " + Text.bytes(beside[rank.rank()]),
                                        Text.bytes(deviceMemory),
                                        remedy(plan, rank, held)));
            }
        }
        // Weights are in memory already, once for all ranks, except for the copies of parts.
        MemoryBudget.require(
                process,
                "the KV cache, activations and parts of weights of " + Text.count(loaded.size(), "rank"),
                "lower 'max_tokens', 'prefill_chunk' or the number of prompts, or use 'kv_dtype' f16"
                        + (loaded.size() > 1 ? " or fewer ranks" : ""));
    }

    /**
     * Checks the ranks that are to be set up against what is free on their devices.
     *
     * @param memory what every rank of the plan will hold
     * @param devices the device of every rank of the plan
     * @param loaded ranks of the plan that are to be set up
     * @param freeBytes what is free on a device; empty where that is not known
     * @throws PlanException if they need more than a device has
     */
    static void checkFree(
            Plan plan,
            List<RankMemory> memory,
            List<Device> devices,
            List<RankPlan> loaded,
            Function<Device, OptionalLong> freeBytes) {
        Map<String, List<RankPlan>> byDevice = new LinkedHashMap<>();
        loaded.forEach(rank -> byDevice
                .computeIfAbsent(devices.get(rank.rank()).name(), d -> new ArrayList<>())
                .add(rank));
        byDevice.forEach((name, ranks) -> {
            Device device = devices.get(ranks.getFirst().rank());
            long needed = ranks.stream().mapToLong(rank -> memory.get(rank.rank()).bytes()).sum();
            freeBytes.apply(device).ifPresent(free -> requireFree(plan, memory, ranks, needed, free, device));
        });
    }

    private static void requireFree(
            Plan plan, List<RankMemory> memory, List<RankPlan> ranks, long needed, long free, Device device) {
        if (needed <= free) {
            return;
        }
        RankPlan largest = ranks.stream()
                .max(Comparator.comparingLong(rank -> memory.get(rank.rank()).bytes()))
                .orElseThrow();
        throw new PlanException("%s on %s %s %s, and %s of its %s are free: end what holds the rest, or %s"
                .formatted(
                        ranks.size() == 1
                                ? "rank %d (%s)".formatted(largest.rank(), largest.role().id())
                                : ranks.size() + " ranks",
                        device.name(),
                        ranks.size() == 1 ? "needs" : "need",
                        Text.bytes(needed),
                        Text.bytes(free),
                        Text.bytes(device.memoryBytes()),
                        remedy(plan, largest, memory.get(largest.rank()))));
    }

    private static String remedy(Plan plan, RankPlan rank, RankMemory held) {
        if (held.kvBytes() > held.weightBytes()) {
            return "lower 'max_tokens' or the number of prompts, or use 'kv_dtype' f16";
        }
        return switch (plan.layout()) {
            case Layout.Single _ -> "use a 'strategy' that spreads the weights, such as ma with more 'expert_devices'";
            case Layout.TensorPipeline _ -> "raise 'tensor_parallel_size' or 'pipeline_parallel_size'";
            case Layout.ExpertParallel _ -> "raise 'expert_parallel_size' or 'attention_tensor_parallel_size'";
            case Layout.Separated ma -> rank.group() < 0
                    ? ma.expertReplicas() > 1
                            ? "lower 'expert_replicas' or raise 'expert_devices'"
                            : "raise 'expert_devices'"
                    : "raise 'attention_tensor_parallel_size'";
        };
    }
}
