package io.maseparation.parallel.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.Presets;
import io.maseparation.moe.Sampler;
import io.maseparation.parallel.execute.rank.Batch;
import io.maseparation.parallel.execute.rank.KvRegion;
import io.maseparation.parallel.execute.rank.Room;
import io.maseparation.parallel.execute.rank.Step;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.StepRows;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ScheduleTest {
    /** Takes tokens and does nothing with them. */
    private static final class Quiet implements Recipient {
        @Override
        public void started() {}

        @Override
        public boolean token(int token, float @Nullable [] logits, long nanos) {
            return false;
        }

        @Override
        public void ended(Finish finish) {}

        @Override
        public void failed(int rank, RuntimeException cause) {
            throw cause;
        }
    }

    private static Plan plan(int groups, int microBatches) {
        return Planning.plan(Presets.config("tiny"), Layout.separated(groups, 1).withMicroBatches(microBatches));
    }

    private static Sequence sequence(int number, int prompt, int maxTokens, Recipient recipient) {
        return new Sequence(
                new Sequence.Task(number, new int[prompt], 0, maxTokens, Sampler.greedy(), false), recipient);
    }

    @Property
    void everyPromptTokenOfAWorkloadIsOneRowOnceAndRowsOfMicroBatchesAreApart(
            @ForAll @IntRange(min = 1, max = 9) int sequences,
            @ForAll @IntRange(min = 1, max = 4) int groups,
            @ForAll @IntRange(min = 1, max = 3) int microBatches,
            @ForAll @IntRange(min = 1, max = 20) int chunk,
            @ForAll long seed) {
        int[] lengths = new Random(seed).ints(sequences, 1, 30).toArray();
        Workload workload = Workload.greedy(IntStream.of(lengths).mapToObj(int[]::new).toList(), 4)
                .withPrefillChunk(chunk);
        Plan plan = plan(groups, microBatches);
        Shares shares = Room.shares(plan, workload);
        Room room = Room.of(workload, shares);
        Schedule schedule = new Schedule(plan, room, sequences, chunk, true);
        schedule.add(
                IntStream.range(0, sequences).mapToObj(i -> sequence(i, lengths[i], 4, new Quiet())).toList(), shares);
        StepRows most = room.rows();

        Set<Integer> all = new HashSet<>(IntStream.range(0, groups).boxed().toList());
        Set<List<Integer>> seen = new HashSet<>();
        int outputs = 0;
        while (schedule.hasPrompts()) {
            for (Step.Work work : schedule.next(true, new ArrayList<>())) {
                assertThat(work.prefill()).isTrue();
                assertThat(work.rows()).isLessThanOrEqualTo(most.received(all));
                for (int group = 0; group < groups; group++) {
                    Batch batch = work.groups().get(group);
                    int first = most.firstRow(group, work.microBatch());
                    assertThat(batch.firstRow()).isEqualTo(first);
                    assertThat(batch.rows()).isLessThanOrEqualTo(chunk)
                            .isLessThanOrEqualTo(most.most(group, work.microBatch()))
                            .isEqualTo(batch.promptRows());
                    assertThat(batch.outputs().length).isLessThanOrEqualTo(most.outputs(group));
                    outputs += batch.outputs().length;
                    for (int i = 0; i < batch.rows(); i++) {
                        assertThat(seen.add(List.of(batch.sequences()[i], batch.positions()[i]))).isTrue();
                    }
                }
            }
        }
        assertThat(seen).hasSize(IntStream.of(lengths).sum());
        assertThat(outputs).isEqualTo(sequences);
        assertThat(schedule.next(false, new ArrayList<>()).stream().mapToInt(Step.Work::rows).sum())
                .isEqualTo(sequences);
    }

    @Test
    void aNewSequenceGoesWhereTheFewestPositionsAreAndOneAfterTheOtherIsLetIn() {
        Plan plan = plan(2, 2);
        Room room = new Room(StepRows.even(2, 2, 8, 2), new int[] {100, 100}, List.of(100));
        Schedule schedule = new Schedule(plan, room, 8, 8, false);
        int[] prompts = {60, 10, 10, 10, 95, 5};
        List<Sequence> all = new ArrayList<>();
        for (int i = 0; i < prompts.length; i++) {
            all.add(sequence(i, prompts[i], 1, new Quiet()));
            schedule.add(all.getLast());
        }
        schedule.admit();
        List<Integer> groups = all.subList(0, 4).stream().map(s -> s.place().group()).toList();
        assertThat(groups).containsExactly(0, 1, 1, 1);
        assertThat(all.subList(1, 4).stream().map(s -> s.place().microBatch()).toList()).containsExactly(0, 1, 0);
        // The fifth has no room, and the sixth, which had, does not overtake it.
        assertThat(all.get(4).slot).isEqualTo(-1);
        assertThat(all.get(5).slot).isEqualTo(-1);
        assertThat(schedule.positionsUsed()).isEqualTo(90);
        all.subList(0, 4).forEach(s -> schedule.end(s, Finish.CANCELLED));
        schedule.admit();
        assertThat(schedule.positionsUsed()).isEqualTo(100);
        schedule.end(all.get(4), Finish.CANCELLED);
        schedule.end(all.get(5), Finish.CANCELLED);
        assertThat(schedule.positionsUsed()).isZero();
        assertThat(schedule.isEmpty()).isTrue();
    }

    @Test
    void promptsAndDecodeStepsTakeTurns() {
        Plan plan = plan(1, 1);
        Schedule schedule = new Schedule(
                plan, new Room(StepRows.even(1, 1, 4, 2), new int[] {100}, List.of(100)), 2, 4, false);
        Sequence first = sequence(0, 2, 20, new Quiet());
        schedule.add(first);
        schedule.admit();
        List<Integer> promptRows = new ArrayList<>();
        for (int step = 0; step < 8; step++) {
            if (step == 2) {
                schedule.add(sequence(1, 10, 20, new Quiet()));
                schedule.admit();
            }
            List<Sequence> members = new ArrayList<>();
            Batch batch = schedule.next(false, members).getFirst().groups().getFirst();
            promptRows.add(batch.promptRows());
            assertThat(batch.rows()).isPositive();
            members.forEach(schedule::stepEnded);
            schedule.sampled(0, first.count(), 7, null, 0);
        }
        assertThat(promptRows).containsExactly(2, 0, 4, 0, 4, 0, 2, 0);
    }

    @Property(tries = 300)
    void regionsNeverOverlapAndComeBackWhole(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int size = 1 + random.nextInt(60);
        RegionPool pool = new RegionPool(size);
        TreeMap<Integer, KvRegion> held = new TreeMap<>();
        for (int i = 0; i < 100; i++) {
            if (random.nextInt(3) > 0) {
                int most = 1 + random.nextInt(20);
                Optional<KvRegion> region = pool.allocate(1, most);
                region.ifPresent(r -> held.put(r.base(), r));
                int longest = 0;
                int end = 0;
                for (KvRegion r : held.values()) {
                    assertThat(r.base()).isGreaterThanOrEqualTo(end);
                    longest = Math.max(longest, r.base() - end);
                    end = r.base() + r.capacity();
                }
                assertThat(end).isLessThanOrEqualTo(size);
                // It is refused only where no gap is large enough.
                assertThat(region.isPresent() || Math.max(longest, size - end) < most).isTrue();
            } else if (!held.isEmpty()) {
                KvRegion region = held.remove(held.ceilingKey(held.firstKey() + random.nextInt(1 + held.lastKey()
                        - held.firstKey())));
                pool.free(region);
            }
            assertThat(pool.used()).isEqualTo(held.values().stream().mapToInt(KvRegion::capacity).sum());
        }
        held.values().forEach(pool::free);
        assertThat(pool.allocate(1, size)).contains(new KvRegion(0, size));
    }
}
