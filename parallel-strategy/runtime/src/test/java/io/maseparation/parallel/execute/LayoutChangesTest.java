package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.Sampler;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.HostKv;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutChange.Kind;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.ExpertGroups;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Schedule;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.layout.Target;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RankLoader;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** Changes of layout in the middle of a run do not change the answer, whether they are made or fail. */
class LayoutChangesTest {
    private static final int TOKENS = 14;

    /** With memory of their own, as a GPU has, and in the host's memory. */
    private final List<Device> strict = TestDevices.strict(8);

    private final List<Device> shared = Device.forRanks(8);

    // Changes that are made

    @Property(tries = 60)
    void anyChangesGiveTheTokensOfASingleDevice(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ModelConfig config = TestModels.random(random);
        ModelWeights weights = SkewedWeights.create(config, seed, 1 + random.nextInt(3));
        int ranks = 2 + random.nextInt(4);
        Setup given = Layout.separated(1, 1)
                .withMicroBatches(1 + random.nextInt(3))
                .withSchedule(random.nextInt(3) == 0 ? Schedule.BARRIER : Schedule.ASYNC);
        Dispatch dispatch = random.nextInt(3) == 0
                ? Dispatch.byNode(ranks, rank -> random.nextInt(2))
                : Dispatch.DIRECT;
        Setup first = given.withLayout(RandomTargets.ratio(random, config, ranks).withDispatch(dispatch));
        List<int[]> prompts = TestModels.prompts(random, config, 1 + random.nextInt(6), 12);
        Workload workload =
                new Workload(prompts, TOKENS, true, Workload.Ending.NEVER, Sampler.greedy(), true,
                        1 + random.nextInt(12),
                        random.nextInt(3))
                        .withLimits(limits(random, prompts.size()));
        DataType kv = random.nextInt(4) == 0 ? DataType.F16 : DataType.F32;
        List<Changes.Ordered> ordered = new ArrayList<>();
        for (int step = random.nextInt(3); step < TOKENS - 1; step += 1 + random.nextInt(4)) {
            long own = random.nextLong();
            ordered.add(new Changes.Ordered(step, Kind.values()[random.nextInt(3)],
                    state -> RandomTargets.target(new SplittableRandom(own), config, state, ranks)));
        }

        Given expected = run(Planning.plan(config, Layout.single()), weights, workload,
                options(kv, Changes.NONE));
        Given actual = run(Planning.plan(config, first), weights, workload,
                options(kv, Changes.at(ordered.toArray(Changes.Ordered[]::new)))
                        .withDevices(random.nextBoolean() ? strict : shared));

        assertSame(expected, actual);
        assertThat(actual.changes()).hasSameSizeAs(ordered).allMatch(LayoutChange::made);
        assertThat(actual.changes()).extracting(LayoutChange::step)
                .isEqualTo(ordered.stream().map(Changes.Ordered::step).toList());
    }

    /** The first goes on to the end, others may end before. */
    private static List<Integer> limits(SplittableRandom random, int sequences) {
        return IntStream.range(0, sequences)
                .mapToObj(s -> s == 0 || random.nextBoolean() ? TOKENS : 1 + random.nextInt(TOKENS))
                .toList();
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void ratiosExpertsAndSequencesChangeUnderASkewedRouter(Schedule schedule) {
        ModelConfig config = Presets.config("tiny");
        ModelWeights weights = SkewedWeights.create(config, 3, 2);
        Workload workload = new Workload(
                List.of(new int[] {1, 2, 3, 4, 5}, new int[] {6, 7}, new int[] {8}, new int[] {9, 10, 11}),
                24, true, Workload.Ending.NEVER, Sampler.greedy(), true, 4, 0);
        Setup present = Layout.separated(2, 1).withMicroBatches(2).withSchedule(schedule);
        Changes changes = Changes.at(
                new Changes.Ordered(3, Kind.RATIO, state -> Target.ratio(present, 1, 2)),
                new Changes.Ordered(8, Kind.EXPERTS, state -> new Target(
                        state.plan().setup(), Optional.of(swapped(state.plan())), Optional.empty())),
                new Changes.Ordered(12, Kind.RATIO, state -> Target.ratio(present, 2, 1)),
                new Changes.Ordered(17, Kind.SEQUENCES, state -> new Target(
                        state.plan().setup(), Optional.empty(), Optional.of(List.of(1, 1, 0, 1)))));

        Given expected = run(Planning.plan(config, Layout.single()), weights, workload,
                options(DataType.F32, Changes.NONE));
        Given actual = run(Planning.plan(config, present), weights, workload, options(DataType.F32, changes));

        assertSame(expected, actual);
        assertThat(actual.changes()).hasSize(4).allMatch(LayoutChange::made).allMatch(c -> c.cost().bytesMoved() > 0);
        assertThat(actual.changes().getFirst().toString()).isEqualTo("step 3: ratio from ma 2:1 to ma 1:2: switched");
        assertThat(actual.result().layout()).isEqualTo("ma 2:1");
        assertThat(actual.result().timeline().events()).anyMatch(e -> e.name().startsWith("layout: ma 2:1 to ma 1:2"));
    }

    @Test
    void sequencesMoveBetweenGroupsThatSplitTheHeads() {
        ModelConfig config = Presets.config("tiny");
        ModelWeights weights = SkewedWeights.create(config, 4, 2);
        Workload workload = new Workload(
                List.of(new int[] {1, 2, 3, 4, 5}, new int[] {6, 7}, new int[] {8}), TOKENS, true,
                Workload.Ending.NEVER, Sampler.greedy(), true, 4, 0);
        Plan plan = Planning.plan(config, Layout.separated(4, 2).withAttentionTensorParallel(2));
        Changes changes = Changes.at(
                new Changes.Ordered(2, Kind.SEQUENCES, state -> new Target(
                        state.plan().setup(), Optional.empty(), Optional.of(List.of(1, 0, 0)))),
                new Changes.Ordered(6, Kind.SEQUENCES, state -> new Target(
                        state.plan().setup(), Optional.empty(), Optional.of(List.of(1, 1, 1)))));

        // Sums over split heads are rounded otherwise than on a single device, but alike on every group.
        Given expected = run(plan, weights, workload, options(DataType.F32, Changes.NONE));
        Given actual = run(plan, weights, workload, options(DataType.F32, changes));

        assertSame(expected, actual);
        assertThat(actual.changes()).hasSize(2).allMatch(LayoutChange::made);
    }

    private static ExpertGroups swapped(Plan plan) {
        int groups = plan.placement().groups();
        return new ExpertGroups(plan.placement().experts().layers().stream()
                .map(layer -> new ExpertGroups.Layer(layer.groupsOf().stream()
                        .map(of -> of.stream().map(g -> (g + 1) % groups).toList())
                        .toList()))
                .toList());
    }

    // Changes that are not

    private static final ModelConfig TINY = Presets.config("tiny");
    private static final ModelWeights WEIGHTS = SkewedWeights.create(TINY, 5, 2);
    private static final Workload WORKLOAD =
            new Workload(List.of(new int[] {1, 2, 3}, new int[] {4}), TOKENS, true, Workload.Ending.NEVER,
                    Sampler.greedy(), true, 8,
                    0);
    private static final Setup TWO_ONE = Layout.separated(2, 1).withMicroBatches(1);

    private static Changes twoRatios() {
        return Changes.at(
                new Changes.Ordered(2, Kind.RATIO, state -> Target.ratio(TWO_ONE, 1, 2)),
                new Changes.Ordered(7, Kind.RATIO, state -> Target.ratio(TWO_ONE, 1, 2)));
    }

    private Given expected() {
        return run(Planning.plan(TINY, Layout.single()), WEIGHTS, WORKLOAD,
                options(DataType.F32, Changes.NONE));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aLayoutThatCannotBeSetUpLeavesTheOldOneServing(boolean error) {
        int[] loads = new int[1];
        RankLoader failsOnce = (rank, device, weights, capacity) -> {
            // The three ranks of the start, then one of the new layout.
            if (++loads[0] == 5) {
                if (error) {
                    // As TornadoVM does.
                    throw new Error("planted");
                }
                throw new IllegalStateException("planted");
            }
            return RankLoader.real().load(rank, device, weights, capacity);
        };
        Given actual = run(Planning.plan(TINY, TWO_ONE), WEIGHTS, WORKLOAD,
                options(DataType.F32, twoRatios()), failsOnce);

        assertSame(expected(), actual);
        assertThat(actual.changes()).extracting(LayoutChange::outcome).containsExactly(
                "failed: rank 1 (expert): %s: planted".formatted(error ? "Error" : "IllegalStateException"),
                LayoutChange.SWITCHED);
        assertThat(actual.changes().getFirst().made()).isFalse();
        assertThat(actual.result().layout()).isEqualTo("ma 1:2");
        assertNothingIsLeft();
    }

    private void assertNothingIsLeft() {
        strict.stream().filter(device -> device.target().embedded())
                .forEach(device -> assertThat(TestDevices.used(device)).as("bytes left on %s", device.name()).isZero());
    }

    @Test
    @Timeout(60)
    void aLayoutThatTakesTooLongIsKilledAndTheOldOneServes() {
        CountDownLatch never = new CountDownLatch(1);
        int[] loads = new int[1];
        RankLoader hangsOnce = (rank, device, weights, capacity) -> {
            if (++loads[0] == 4) {
                try {
                    never.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException("interrupted", e);
                }
            }
            return RankLoader.real().load(rank, device, weights, capacity);
        };
        Changes changes = new Changes(twoRatios().ordered(), Optional.empty(), Duration.ofSeconds(4));
        Given actual = run(Planning.plan(TINY, TWO_ONE), WEIGHTS, WORKLOAD,
                options(DataType.F32, changes), hangsOnce);

        assertSame(expected(), actual);
        assertThat(actual.changes().getFirst().outcome()).startsWith("killed: not set up after ");
        assertThat(actual.changes().get(1).made()).isTrue();
    }

    @Test
    void keysAndValuesThatCannotBeCopiedLeaveTheOldLayoutServing() {
        int[] loads = new int[1];
        // A cache without room: what is set up beside the steps is well, the copy between two steps fails.
        RankLoader tooSmall = (rank, device, weights, c) -> RankLoader.real().load(rank, device, weights,
                ++loads[0] > 3 && rank.group() >= 0
                        ? new Capacity(c.rows(), c.receivedRows(), c.outputRows(), 1, c.contexts(), c.kvType())
                        : c);
        Given actual = run(Planning.plan(TINY, TWO_ONE), WEIGHTS, WORKLOAD,
                options(DataType.F32, twoRatios()), tooSmall);

        assertSame(expected(), actual);
        assertThat(actual.changes()).hasSize(2).noneMatch(LayoutChange::made)
                .allSatisfy(change -> assertThat(change.outcome()).startsWith("failed: IndexOutOfBoundsException"));
        assertNothingIsLeft();
    }

    @Test
    void anErrorBetweenTwoStepsLeavesTheOldLayoutServing() {
        int[] loads = new int[1];
        RankLoader unreadable = (rank, device, weights, capacity) -> {
            RankDevice made = RankLoader.real().load(rank, device, weights, capacity);
            if (++loads[0] > 3) {
                plantError(made.kv());
            }
            return made;
        };
        Given actual = run(Planning.plan(TINY, TWO_ONE), WEIGHTS, WORKLOAD,
                options(DataType.F32, twoRatios()), unreadable);

        assertSame(expected(), actual);
        assertThat(actual.changes()).hasSize(2).noneMatch(LayoutChange::made)
                .allSatisfy(change -> assertThat(change.outcome()).isEqualTo("failed: Error: planted"));
        assertNothingIsLeft();
    }

    private static void plantError(HostKv kv) {
        try {
            Field caches = HostKv.class.getDeclaredField("caches");
            caches.setAccessible(true);
            caches.set(kv, new AbstractList<KvCache>() {
                @Override
                public KvCache get(int index) {
                    throw new Error("planted");
                }

                @Override
                public int size() {
                    throw new Error("planted");
                }
            });
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }

    /** Whether the policy's change is made, too, or given up. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @Timeout(60)
    void anOrderIsMadeWhereItWasOrderedAlsoWhileThePolicyIsAtWork(boolean patient) {
        LayoutPolicy slow = new LayoutPolicy() {
            @Override
            public int interval() {
                return 1;
            }

            @Override
            public Optional<Proposal> propose(LiveState state) {
                sleep(state.decoded() == 1 ? 800 : 0);
                return state.decoded() == 1
                        ? Optional.of(new Proposal(new Target(state.plan().setup(),
                                Optional.of(swapped(state.plan())), Optional.empty()), Kind.EXPERTS, 1))
                        : Optional.empty();
            }

            @Override
            public void ended(LayoutChange change, LiveState state) {}
        };
        Changes changes = new Changes(
                List.of(new Changes.Ordered(7, Kind.RATIO, state -> Target.ratio(TWO_ONE, 2, 1))),
                Optional.of(slow), patient ? Duration.ofSeconds(30) : Duration.ofMillis(400));
        Given actual = run(Planning.plan(TINY, TWO_ONE.withLayout(Layout.separated(1, 2))), WEIGHTS, WORKLOAD,
                options(DataType.F32, changes));

        assertSame(expected(), actual);
        assertThat(actual.changes()).extracting(LayoutChange::step).containsExactly(7, 7);
        assertThat(actual.changes()).extracting(LayoutChange::made).containsExactly(patient, true);
        assertThat(actual.result().layout()).isEqualTo("ma 2:1");
    }

    /** A policy that hangs is killed, is not asked again while it hangs, and hears of it afterwards. */
    @Test
    @Timeout(60)
    void aPolicyThatHangsDoesNotHoldTheRun() {
        List<String> calls = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch never = new CountDownLatch(1);
        LayoutPolicy hangs = new LayoutPolicy() {
            @Override
            public int interval() {
                return 1;
            }

            @Override
            public synchronized Optional<Proposal> propose(LiveState state) {
                calls.add("propose");
                boolean interrupted = false;
                while (never.getCount() > 0) {
                    try {
                        never.await();
                    } catch (InterruptedException e) {
                        interrupted = true;
                    }
                }
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
                return Optional.empty();
            }

            @Override
            public synchronized void ended(LayoutChange change, LiveState state) {
                calls.add("ended");
            }
        };
        // The run waits for an order longer than the policy may take.
        Changes changes = new Changes(
                List.of(new Changes.Ordered(9, Kind.RATIO, state -> {
                    sleep(400);
                    return Target.ratio(TWO_ONE, 1, 2);
                })),
                Optional.of(hangs), Duration.ofMillis(200));
        try {
            Given actual = run(Planning.plan(TINY, TWO_ONE), WEIGHTS, WORKLOAD,
                    options(DataType.F32, changes).withOnToken(s -> sleep(30)));
            assertSame(expected(), actual);
            assertThat(actual.changes()).hasSize(2).allSatisfy(c -> assertThat(c.outcome()).startsWith("killed"));
            assertThat(calls).containsExactly("propose");
        } finally {
            never.countDown();
        }
    }

    /** Killed work may still read the weights, and the caches of the layout that went on. */
    @Test
    @Timeout(60)
    void closingWaitsForKilledWorkThatPaysNoHeedToInterrupts() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        AtomicBoolean loaded = new AtomicBoolean();
        int[] loads = new int[1];
        RankLoader deaf = (rank, device, weights, capacity) -> {
            boolean late = ++loads[0] == 4;
            while (late && loading.getCount() > 0) {
                LockSupport.parkNanos(1_000_000);
            }
            RankDevice made = RankLoader.real().load(rank, device, weights, capacity);
            loaded.compareAndSet(false, late);
            return made;
        };
        Changes changes = new Changes(
                List.of(new Changes.Ordered(2, Kind.RATIO, state -> Target.ratio(TWO_ONE, 1, 2))),
                Optional.empty(), Duration.ofMillis(200));
        PlanExecutor executor = new PlanExecutor(Planning.plan(TINY, TWO_ONE),
                new Job(WEIGHTS, WORKLOAD, options(DataType.F32, changes), deaf, Optional.empty()));
        assertThat(executor.run().changes()).singleElement()
                .satisfies(change -> assertThat(change.outcome()).startsWith("killed: "));

        Thread closing = Thread.ofPlatform().daemon().start(executor::close);
        assertThat(closing.join(Duration.ofMillis(300))).as("closed while killed work was running").isFalse();
        loading.countDown();
        assertThat(closing.join(Duration.ofSeconds(30))).isTrue();
        assertThat(loaded).isTrue();
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void aLayoutThatDoesNotFitTheDevicesIsRefused() {
        Plan plan = Planning.plan(TINY, TWO_ONE);
        long largest = run(plan, WEIGHTS, WORKLOAD, options(DataType.F32, Changes.NONE)).result().ranks().stream()
                .mapToLong(r -> r.memory().bytes())
                .max()
                .orElseThrow();
        Given actual = run(plan, WEIGHTS, WORKLOAD,
                options(DataType.F32, twoRatios()).withDeviceMemory(largest));

        assertSame(expected(), actual);
        assertThat(actual.changes()).hasSize(2).noneMatch(LayoutChange::made)
                .allSatisfy(change -> assertThat(change.outcome())
                        .startsWith("refused: rank ")
                        .contains("what it holds until the switch"));
        assertThat(actual.result().layout()).isEqualTo("ma 2:1");
    }

    @Test
    void aLayoutOfOtherDevicesIsRefusedAndOneThatIsNeverReachedIsSaid() {
        Given actual = run(Planning.plan(TINY, TWO_ONE), WEIGHTS, WORKLOAD, options(DataType.F32, Changes.at(
                new Changes.Ordered(1, Kind.RATIO, state -> Target.ratio(TWO_ONE, 2, 2)),
                new Changes.Ordered(2, Kind.SEQUENCES, state -> new Target(
                        TWO_ONE, Optional.empty(), Optional.of(List.of(0, 2)))),
                new Changes.Ordered(900, Kind.RATIO, state -> Target.ratio(TWO_ONE, 1, 2)))));

        assertSame(expected(), actual);
        assertThat(actual.changes()).extracting(LayoutChange::outcome).containsExactly(
                "refused: a run on ma 2:1 cannot go on with ma 2:2: only devices may turn from attention to experts and back",
                "refused: sequences belong to attention groups 0 to 1, not to [0, 2]",
                "not reached: the run ended after 13 decode steps");
    }

    @Test
    void onlyMaChanges() {
        assertThatThrownBy(() -> run(Planning.plan(TINY, Layout.expertParallel(2)), WEIGHTS, WORKLOAD,
                options(DataType.F32, twoRatios())))
                .isInstanceOf(PlanException.class)
                .hasMessage("only the layout of strategy ma changes in a run, the strategy is ep");
    }

    @Test
    void layoutsStayWhereGraphsAreCaptured() {
        Device embedded = strict.getFirst();
        Device captures = new Device(embedded.device(), new KernelTarget("captures", false, false, true, true, true,
                TornadoVMBackendType.CUDA, true, false, false, Optional.of(Body.PORTABLE)));
        ExecutionOptions options = options(DataType.F32, twoRatios())
                .withDevices(List.of(embedded, embedded, captures));

        assertThatThrownBy(() -> run(Planning.plan(TINY, TWO_ONE), WEIGHTS, WORKLOAD, options))
                .isInstanceOf(PlanException.class)
                .hasMessageContaining("CUDA graphs")
                .hasMessageContaining("leave out");
    }

    private ExecutionOptions options(DataType kv, Changes changes) {
        return ExecutionOptions.defaults().withDevices(strict).withKvType(kv).withChanges(changes);
    }

    /**
     * What a run gave.
     *
     * @param result its result
     * @param logits by sequence and index of the token the logits it was sampled from
     */
    private record Given(RunResult result, Map<List<Integer>, float[]> logits) {
        List<LayoutChange> changes() {
            return result.changes();
        }
    }

    private static Given run(Plan plan, ModelWeights weights, Workload workload, ExecutionOptions options) {
        return run(plan, weights, workload, options, RankLoader.real());
    }

    private static Given run(
            Plan plan, ModelWeights weights, Workload workload, ExecutionOptions options, RankLoader loader) {
        Map<List<Integer>, float[]> logits = new ConcurrentHashMap<>();
        try (PlanExecutor executor = new PlanExecutor(plan, new Job(weights, workload, options, loader,
                Optional.of((sequence, index, row) -> logits.put(List.of(sequence, index), row))))) {
            return new Given(executor.run(), logits);
        }
    }

    /** Tokens, and the bits of all logits that they were sampled from. */
    private static void assertSame(Given expected, Given actual) {
        for (int i = 0; i < expected.result().outputs().size(); i++) {
            assertThat(actual.result().outputs().get(i).tokenIds())
                    .as("tokens of sequence %d: %s", i, actual.changes())
                    .isEqualTo(expected.result().outputs().get(i).tokenIds());
        }
        assertThat(expected.logits()).isNotEmpty();
        assertThat(actual.logits().keySet()).isEqualTo(expected.logits().keySet());
        expected.logits().forEach((token, row) -> assertThat(actual.logits().get(token))
                .as("logits of sequence and token %s: %s", token, actual.changes())
                .isEqualTo(row));
    }
}
