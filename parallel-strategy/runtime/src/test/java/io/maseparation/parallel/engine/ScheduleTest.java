package io.maseparation.parallel.engine;

import static io.maseparation.kernels.KvCache.BLOCK;
import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.KvCache;
import io.maseparation.moe.Presets;
import io.maseparation.moe.Sampler;
import io.maseparation.parallel.execute.rank.Batch;
import io.maseparation.parallel.execute.rank.KvTable;
import io.maseparation.parallel.execute.rank.Room;
import io.maseparation.parallel.execute.rank.Step;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.StepRows;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ScheduleTest {
    private static final int[] NONE = {};

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
        Room room = new Room(StepRows.even(2, 2, 10, 2), new int[] {2 * BLOCK, 2 * BLOCK}, List.of(100));
        Schedule schedule = new Schedule(plan, room, 8, 8, false);
        int[] prompts = {60, 10, 10, 10, 95, 5};
        List<Sequence> all = new ArrayList<>();
        for (int i = 0; i < prompts.length; i++) {
            all.add(sequence(i, prompts[i], 1, new Quiet()));
            schedule.add(all.getLast());
        }
        schedule.admit();
        // The fourth would go to the second group, whose cache has no block left.
        List<Integer> groups = all.subList(0, 4).stream().map(s -> s.place().group()).toList();
        assertThat(groups).containsExactly(0, 1, 1, 0);
        assertThat(all.subList(1, 4).stream().map(s -> s.place().microBatch()).toList()).containsExactly(0, 1, 1);
        // The fifth has no room, and the sixth does not overtake it.
        assertThat(all.get(4).slot).isEqualTo(-1);
        assertThat(all.get(5).slot).isEqualTo(-1);
        assertThat(schedule.positionsUsed()).isEqualTo(4 * BLOCK);
        all.subList(0, 4).forEach(s -> schedule.end(s, Finish.CANCELLED));
        schedule.admit();
        assertThat(schedule.positionsUsed()).isEqualTo(2 * BLOCK);
        schedule.end(all.get(4), Finish.CANCELLED);
        schedule.end(all.get(5), Finish.CANCELLED);
        assertThat(schedule.positionsUsed()).isZero();
        assertThat(schedule.isEmpty()).isTrue();
    }

    @Test
    void promptsAreTakenInBesideThoseThatDecode() {
        Plan plan = plan(1, 1);
        Schedule schedule = new Schedule(
                plan, new Room(StepRows.even(1, 1, 6, 2), new int[] {2 * BLOCK}, List.of(100)), 2, 4, false);
        Sequence first = sequence(0, 2, 20, new Quiet());
        schedule.add(first);
        schedule.admit();
        List<Integer> promptRows = new ArrayList<>();
        List<Integer> rows = new ArrayList<>();
        for (int step = 0; step < 7; step++) {
            if (step == 2) {
                schedule.add(sequence(1, 10, 20, new Quiet()));
                schedule.admit();
            }
            List<Sequence> members = new ArrayList<>();
            Batch batch = schedule.next(false, members).getFirst().groups().getFirst();
            promptRows.add(batch.promptRows());
            rows.add(batch.rows());
            for (int row = 0; row < batch.promptRows(); row++) {
                assertThat(batch.sequences()[row]).isEqualTo(step < 2 ? 0 : 1);
            }
            assertThat(members).doesNotHaveDuplicates();
            members.forEach(schedule::stepEnded);
            schedule.sampled(0, first.count(), 7, null, 0);
        }
        assertThat(promptRows).containsExactly(2, 0, 4, 4, 2, 0, 0);
        assertThat(rows).containsExactly(2, 1, 5, 5, 3, 2, 2);
    }

    /** What one gives back is not taken by those who wait, or two of them would undo each other's work for ever. */
    @Property(tries = 200)
    void allEndHoweverOftenTheyGiveBackTheirCache(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int groups = 1 + random.nextInt(2);
        int microBatches = 1 + random.nextInt(2);
        int blocks = 2 + random.nextInt(3);
        int[] positions = new int[groups];
        Arrays.fill(positions, blocks * BLOCK);
        Room room = new Room(StepRows.even(groups, microBatches, 24, 4), positions, List.of(blocks * BLOCK));
        Schedule schedule = new Schedule(plan(groups, microBatches), room, 4 * groups * microBatches, 20, false);
        List<Sequence> all = new ArrayList<>();
        int work = 0;
        for (int i = 0; i < 12; i++) {
            int prompt = 1 + random.nextInt(80);
            int tokens = 1 + random.nextInt(blocks * BLOCK - prompt);
            all.add(sequence(i, prompt, tokens, new Quiet()));
            work += prompt + tokens;
            schedule.add(all.getLast());
        }
        int steps = 0;
        while (!schedule.isEmpty()) {
            assertThat(steps++).as("steps").isLessThan(20 * work);
            schedule.admit();
            List<Sequence> members = new ArrayList<>();
            List<Step.Work> next = schedule.next(false, members);
            schedule.preempt();
            for (Step.Work micro : next) {
                for (Batch batch : micro.groups()) {
                    for (int output : batch.outputs()) {
                        Sequence sequence = members.stream()
                                .filter(s -> s.slot == batch.sequences()[output]).findFirst().orElseThrow();
                        schedule.sampled(sequence.slot, sequence.count(), 7, null, 0);
                    }
                }
            }
            members.forEach(schedule::stepEnded);
        }
        assertThat(all).allMatch(s -> s.ended).allMatch(s -> s.count() == s.task.maxTokens());
        assertThat(schedule.positionsUsed()).isZero();
    }

    @Property(tries = 300)
    void noTwoSequencesHaveABlockInCommonAndAllComeBack(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int blocks = 1 + random.nextInt(20);
        BlockPool pool = new BlockPool(blocks * KvCache.BLOCK + random.nextInt(KvCache.BLOCK));
        assertThat(pool.size()).isEqualTo(blocks * KvCache.BLOCK);
        List<KvTable> held = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            int free = blocks - held.stream().mapToInt(KvTable::count).sum();
            if (random.nextInt(3) == 0) {
                int most = 1 + random.nextInt(5 * KvCache.BLOCK);
                int now = 1 + random.nextInt(most);
                Optional<KvTable> table = pool.allocate(now, most, NONE);
                assertThat(table.isPresent()).isEqualTo(KvCache.blocks(now) <= free);
                table.ifPresent(t -> assertThat(t.count()).isEqualTo(KvCache.blocks(now)));
                table.ifPresent(held::add);
            } else if (!held.isEmpty() && random.nextBoolean()) {
                KvTable table = held.get(random.nextInt(held.size()));
                int before = table.count();
                int positions = 1 + random.nextInt(table.capacity());
                int after = Math.max(before, KvCache.blocks(positions));
                boolean room = after - before <= free;
                assertThat(pool.reach(table, positions)).isEqualTo(room);
                assertThat(table.count()).isEqualTo(room ? after : before);
            } else if (!held.isEmpty()) {
                pool.free(held.remove(random.nextInt(held.size())));
            }
            Set<Integer> taken = new HashSet<>();
            for (KvTable table : held) {
                for (int b = 0; b < table.count(); b++) {
                    assertThat(table.block(b)).isBetween(0, blocks - 1);
                    assertThat(taken.add(table.block(b))).isTrue();
                }
            }
            assertThat(pool.used()).isEqualTo(taken.size() * KvCache.BLOCK);
        }
        held.forEach(pool::free);
        assertThat(pool.used()).isZero();
        assertThat(pool.allocate(pool.size(), pool.size(), NONE)).isPresent();
    }

    /** A sequence and what it has. */
    private record Holder(KvTable table, KvPool.Prompt prompt) {}

    @Property(tries = 300)
    void aBlockIsSharedByPromptsThatBeginAlikeOnceItIsWrittenAndUntilItIsHandedOutForOthers(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        BlockPool pool = new BlockPool(30 * BLOCK);
        List<Holder> held = new ArrayList<>();
        // What a block's keys and values follow from, whoever has it.
        Map<Integer, List<Integer>> contents = new HashMap<>();
        for (int i = 0; i < 120; i++) {
            if (random.nextInt(3) > 0) {
                KvPool.Prompt prompt = prompt(random);
                int[] known = pool.known(prompt);
                for (int b = 0; b < known.length; b++) {
                    assertThat(contents.get(known[b])).as("block %d", b).isEqualTo(upTo(prompt, (b + 1) * BLOCK));
                }
                assertThat(known.length * BLOCK).isLessThan(prompt.tokens().length);
                int length = prompt.tokens().length;
                pool.allocate(length, length, known).ifPresent(table -> {
                    for (int b = 0; b < known.length; b++) {
                        assertThat(table.block(b)).isEqualTo(known[b]);
                    }
                    for (int b = known.length; b < table.count(); b++) {
                        assertThat(held(held)).as("blocks that somebody has").doesNotContain(table.block(b));
                        contents.remove(table.block(b));
                    }
                    int written = known.length * BLOCK;
                    while (written < length && random.nextInt(10) > 0) {
                        int to = Math.min(length, written + 1 + random.nextInt(100));
                        for (int b = written / BLOCK; b < to / BLOCK; b++) {
                            contents.put(table.block(b), upTo(prompt, (b + 1) * BLOCK));
                        }
                        pool.written(table, prompt, written, to);
                        written = to;
                    }
                    held.add(new Holder(table, prompt));
                    if (written == length) {
                        assertThat(pool.known(prompt)).hasSize((length - 1) / BLOCK);
                    }
                });
            } else if (!held.isEmpty()) {
                pool.free(held.remove(random.nextInt(held.size())).table);
            }
            assertThat(pool.used()).isEqualTo(held(held).size() * BLOCK);
            if (random.nextInt(40) == 0) {
                pool.forgetWhatNobodyHas();
                contents.keySet().retainAll(held(held));
            }
        }
        held.forEach(h -> pool.free(h.table));
        assertThat(pool.used()).isZero();
        assertThat(pool.allocate(pool.size(), pool.size(), NONE)).isPresent();
    }

    private static Set<Integer> held(List<Holder> held) {
        return held.stream()
                .flatMapToInt(h -> IntStream.range(0, h.table.count()).map(h.table::block)).boxed()
                .collect(Collectors.toSet());
    }

    @Test
    void whatNobodyHasIsKnownUntilNoOtherBlockIsLeft() {
        BlockPool pool = new BlockPool(4 * BLOCK);
        KvPool.Prompt first = new KvPool.Prompt(new int[2 * BLOCK + 1], 0);
        int[] tokens = new int[BLOCK + 1];
        tokens[0] = 1;
        KvPool.Prompt second = new KvPool.Prompt(tokens, 0);
        for (KvPool.Prompt prompt : List.of(first, second)) {
            int length = prompt.tokens().length;
            KvTable table = pool.allocate(length, length, NONE).orElseThrow();
            pool.written(table, prompt, 0, length);
            pool.free(table);
        }
        assertThat(pool.used()).isZero();
        assertThat(pool.known(first)).hasSize(2);
        assertThat(pool.known(second)).hasSize(1);
        // One that nothing is known of, and then the end of what came back first.
        KvTable one = pool.allocate(2 * BLOCK, 2 * BLOCK, NONE).orElseThrow();
        assertThat(pool.known(first)).hasSize(1);
        assertThat(pool.known(second)).hasSize(1);
        // Known ones that nobody has are no room for others at the same time.
        assertThat(pool.allocate(3 * BLOCK, 3 * BLOCK, pool.known(first))).isEmpty();
        KvTable again = pool.allocate(2 * BLOCK, 2 * BLOCK, pool.known(first)).orElseThrow();
        assertThat(pool.known(second)).isEmpty();
        pool.free(one);
        pool.free(again);
        assertThat(pool.known(first)).hasSize(1);
        pool.forgetWhatNobodyHas();
        assertThat(pool.known(first)).isEmpty();
    }

    /** One of few, so that many begin alike, or have a block alike after others that are not. */
    private static KvPool.Prompt prompt(SplittableRandom random) {
        int[] tokens = new int[1 + random.nextInt(4 * BLOCK + 10)];
        for (int b = 0; b * BLOCK < tokens.length; b++) {
            Arrays.fill(tokens, b * BLOCK, Math.min(tokens.length, (b + 1) * BLOCK), random.nextInt(2));
        }
        return new KvPool.Prompt(tokens, random.nextInt(2));
    }

    private static List<Integer> upTo(KvPool.Prompt prompt, int end) {
        return IntStream.concat(IntStream.of(prompt.angles()), Arrays.stream(prompt.tokens(), 0, end)).boxed()
                .toList();
    }

    @Test
    void aSequenceBeginsBehindWhatAnotherHasWrittenAndTablesHaveNoMoreEntriesThanTheCacheHasBlocks() {
        Plan plan = plan(1, 1);
        Schedule schedule = new Schedule(
                plan, new Room(StepRows.even(1, 1, 200, 4), new int[] {6 * BLOCK}, List.of(400)), 4, 196, false);
        List<Sequence> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            all.add(sequence(i, 2 * BLOCK + 5, 10, new Quiet()));
        }
        schedule.add(all.getFirst());
        schedule.admit();
        step(schedule);
        schedule.add(all.get(1));
        schedule.add(all.get(2));
        schedule.admit();
        assertThat(all.get(1).place().known()).isEqualTo(2 * BLOCK);
        assertThat(all.get(1).next).isEqualTo(2 * BLOCK);
        assertThat(all.get(1).place().table().block(1)).isEqualTo(all.getFirst().place().table().block(1));
        assertThat(schedule.positionsUsed()).isEqualTo(4 * BLOCK);
        // There are blocks for the third, and no entries.
        assertThat(all.get(2).slot).isEqualTo(-1);
        schedule.end(all.getFirst(), Finish.CANCELLED);
        assertThat(schedule.positionsUsed()).isEqualTo(3 * BLOCK);
        schedule.admit();
        assertThat(all.get(2).place().known()).isEqualTo(2 * BLOCK);
        all.forEach(s -> schedule.end(s, Finish.CANCELLED));
        assertThat(schedule.positionsUsed()).isZero();
    }

    /** Micro-batches overtake each other: what one has been told to write is not there yet. */
    @Test
    void nothingIsSharedBeforeTheStepThatWritesItHasEnded() {
        Plan plan = plan(1, 2);
        Schedule schedule = new Schedule(
                plan, new Room(StepRows.even(1, 2, BLOCK + 2, 2), new int[] {20 * BLOCK}, List.of(400)), 4, BLOCK,
                false);
        List<Sequence> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            all.add(sequence(i, 2 * BLOCK + 5, 10, new Quiet()));
        }
        Sequence first = all.getFirst();
        schedule.add(first);
        schedule.admit();
        schedule.next(false, new ArrayList<>());
        schedule.add(all.get(1));
        schedule.admit();
        assertThat(all.get(1).place().known()).isZero();
        schedule.end(all.get(1), Finish.CANCELLED);
        schedule.next(false, new ArrayList<>());
        assertThat(first.next).isEqualTo(2 * BLOCK);
        schedule.stepEnded(first, BLOCK);
        schedule.add(all.get(2));
        schedule.admit();
        assertThat(all.get(2).place().known()).isEqualTo(BLOCK);
    }

    private static void step(Schedule schedule) {
        List<Sequence> members = new ArrayList<>();
        schedule.next(false, members);
        members.forEach(schedule::stepEnded);
    }
}
