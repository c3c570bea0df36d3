package io.maseparation.moe.segments;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What a rank takes of the memory outside the heap is known before it is taken. */
class HostBytesTest {
    private static final int RANKS = 8;

    @Test
    void arraysOfARankTakeAboutWhatIsCountedForThem() {
        ModelConfig config = Presets.config("tiny");
        int layers = config.layers().size();
        List<Integer> experts = IntStream.range(0, config.maxExperts()).boxed().toList();
        Shard shard = new Shard(
                0, layers,
                Optional.of(new Shard.Heads(0, 1, 0, config.heads(), 0, config.kvHeads())),
                Optional.of(new Shard.Experts(IntStream.range(0, layers).mapToObj(l -> experts).toList(), true, 0, 1)),
                true,
                Optional.of(new Shard.Vocabulary(0, config.vocab())));
        for (int rows : new int[] {1, 300}) {
            Capacity capacity = new Capacity(rows, rows, 1, 2 * rows, List.of(2 * rows), DataType.F32);
            long before = direct();
            List<RankArrays> held = new ArrayList<>();
            for (int i = 0; i < RANKS; i++) {
                held.add(new RankArrays(config, shard, capacity));
            }
            long taken = (direct() - before) / RANKS;
            Reference.reachabilityFence(held);
            assertThat(capacity.hostBytes(config, shard)).isBetween(taken, taken + taken / 2);
        }
    }

    private static long direct() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }
}
