package io.maseparation.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DataType;
import io.maseparation.moe.Checkpoint;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.Sampler;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.testing.TestCheckpoint;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.compare.Comparison;
import io.maseparation.parallel.compare.SpeedTest;
import io.maseparation.parallel.execute.PlanExecutor;
import io.maseparation.parallel.layout.Batching;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.LayoutSize;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.layout.Strategy;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RankLoader;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.IntConsumer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What an application that embeds the library gets wrong is said at the call in question, in the library's words. */
@Timeout(60)
class EmbeddingErrorsTest {
    private static final ModelWeights TINY = RandomWeights.create(Presets.config("tiny"), 0);
    private static final Model MODEL = Model.open("tiny");
    private static final ExecutionOptions DEFAULTS = ExecutionOptions.defaults();
    private static final Setup SINGLE = Layout.single().withMicroBatches(1);
    private static final Layout SEPARATED = Layout.separated(2, 1);

    private static Generation generation() {
        return Generation.of(MODEL).prompt(1, 2, 3).prompt(4, 5).maxTokens(4);
    }

    private static Workload workload(Workload.Ending ending) {
        return new Workload(List.of(new int[] {1}), 4, false, ending, Sampler.greedy(), false, 8, 0);
    }

    private static PlanExecutor executor(Layout layout, Job job) {
        return new PlanExecutor(Planning.plan(TINY.config(), layout), job);
    }

    private static ExecutionOptions stalling(@Nullable Duration after, IntConsumer onToken) {
        return new ExecutionOptions(List.of(), DataType.F32, 0, after, onToken, false, Changes.NONE);
    }

    private static void assertNull(String name, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(NullPointerException.class).hasMessage(name);
    }

    private static void assertRefused(Class<? extends Exception> type, String message, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(type).hasMessage(message);
    }

    @Test
    void aNullIsNamedWhereItIsGiven() {
        assertNull("presetOrFolder", () -> Model.open(null));
        assertNull("name", () -> Model.preset(null, 0));
        assertNull("folder", () -> Model.checkpoint(null));
        assertNull("model", () -> Generation.of(null));
        assertNull("layout", () -> generation().layout((Layout) null));
        assertNull("setup", () -> generation().layout((Setup) null));
        assertNull("file", () -> generation().plan(null));
        assertNull("tokenIds", () -> generation().prompt((int[]) null));
        assertNull("tokenIds", () -> generation().prompts(Collections.singletonList((int[]) null)));
        assertNull("text", () -> generation().prompt((String) null));
        assertNull("messages", () -> generation().chat(null));
        assertNull("tokenIds", () -> generation().prompts(null));
        assertNull("strings", () -> generation().stop(null));
        assertNull("sampler", () -> generation().sampling(null));
        assertNull("options", () -> generation().execution(null));
        assertNull("output", () -> generation().text(null));
        assertNull("combine", () -> new Layout.ExpertParallel(2, 1, 1, null, Dispatch.DIRECT));
        assertNull("combine", () -> new Layout.Separated(2, 1, 1, 1, 1, null, Dispatch.DIRECT));
        assertNull("dispatch", () -> new Layout.Separated(2, 1, 1, 1, 1, CombineMode.EXPERTS, null));
        assertNull("way", () -> Layout.single().withDispatch(null));
        assertNull("mode", () -> Layout.single().withCombine(null));
        assertNull("strategy", () -> Layout.of(null, Map.of()));
        assertNull("sizes", () -> Layout.of(Strategy.MA, null));
        assertNull("id", () -> Strategy.of(null));
        assertNull("layout", () -> new Setup(null, new Batching(1, SINGLE.batching().schedule())));
        assertNull("batching", () -> new Setup(Layout.single(), null));
        assertNull("schedule", () -> new Batching(1, null));
        assertNull("config", () -> Planning.plan(null, Layout.single()));
        assertNull("layout", () -> Planning.plan(TINY.config(), (Layout) null));
        assertNull("experts", () -> Planning.plan(TINY.config(), SINGLE, null));
        assertNull("file", () -> PlanFile.read(null));
        assertNull("devices", () -> DEFAULTS.withDevices(null));
        assertNull("devices[0]", () -> DEFAULTS.withDevices(Arrays.asList((Device) null)));
        assertNull("kvType", () -> DEFAULTS.withKvType(null));
        assertNull("onToken", () -> DEFAULTS.withOnToken(null));
        assertNull("changes", () -> DEFAULTS.withChanges(null));
        assertNull("stallTimeout", () -> stalling(null, sequence -> {}));
        assertNull("prompts", () -> Workload.greedy(null, 4));
        assertNull("prompts[1]", () -> Workload.greedy(Arrays.asList(new int[1], null), 4));
        assertNull("ending", () -> workload(null));
        assertNull("weights", () -> new Job(null, workload(Workload.Ending.NEVER), DEFAULTS));
        assertNull("loader", () -> new Job(TINY, workload(Workload.Ending.NEVER), DEFAULTS, null, Optional.empty()));
        assertNull("job", () -> executor(Layout.single(), null));
        assertNull("target", () -> new Changes.Ordered(1, LayoutChange.Kind.RATIO, null));
        assertNull("target", () -> new LayoutPolicy.Proposal(null, LayoutChange.Kind.RATIO, 0));
    }

    @Test
    void optionsThatMakeNoSenseAreNamed() {
        assertRefused(ModelException.class, "'kv_dtype' must be f32 or f16, is bf16",
                () -> DEFAULTS.withKvType(DataType.BF16));
        assertRefused(ModelException.class, "'device_memory' must be 0 or more, is -1",
                () -> DEFAULTS.withDeviceMemory(-1));
        assertRefused(ModelException.class, "'stall_timeout' must be more than 0, is PT0S",
                () -> stalling(Duration.ZERO, sequence -> {}));
        assertRefused(ModelException.class, "'stall_timeout' must be more than 0, is PT-1S",
                () -> stalling(Duration.ofSeconds(-1), sequence -> {}));
        assertRefused(ModelException.class, "'depth' must be 0 or more, is -1", () -> generation().depth(-1).run());
        assertRefused(ModelException.class, "no prompt: there must be at least one",
                () -> Generation.of(MODEL).run());
        assertRefused(PlanException.class, "'micro_batches' must be at least 1, is 0",
                () -> Layout.single().withMicroBatches(0));
        assertThatThrownBy(() -> generation().execution(DEFAULTS.withDeviceMemory(1)).run())
                .isInstanceOf(PlanException.class)
                .hasMessageContaining("more than the 'device_memory' of 1 B: ");
    }

    @Test
    void sizesOfLayoutsAreNamedAndNeverOverflow() {
        assertThat(Layout.separated(2, 2).withExpertReplicas(0).expertGroups()).isZero();
        assertThat(Layout.separated(2, 2).withExpertTensorParallel(0).expertGroups()).isZero();
        assertThat(Layout.separated(Integer.MIN_VALUE, Integer.MIN_VALUE).ranks()).isZero();
        assertThat(Layout.separated(Integer.MAX_VALUE, 1).ranks()).isEqualTo(Integer.MAX_VALUE);
        assertRefused(PlanException.class, "'attention_devices' needs strategy ma, but the strategy is ep",
                () -> Layout.of(Strategy.EP, Map.of(LayoutSize.ATTENTION_DEVICES, 7)));
        assertRefused(PlanException.class,
                "the layout has more than 65536 ranks: lower 'attention_devices' or 'expert_devices'",
                () -> Layout.separated(65_536, 2).checkSizes());
        assertRefused(PlanException.class, "the layout has more than 65536 ranks: lower 'attention_devices'",
                () -> Layout.separated(65_536, 1).checkSizes());
    }

    @Test
    void comparisonsAndSpeedTestsOfNothingAreRefused() {
        Workload workload = Workload.greedy(List.of(new int[] {1}), 2);
        assertRefused(PlanException.class, "no layout to compare: there must be at least one",
                () -> Comparison.run(MODEL, workload, List.of(), DEFAULTS, 1, setup -> {}));
        for (int repetitions : new int[] {0, -1}) {
            String message = "'repetitions' must be at least 1, is " + repetitions;
            assertRefused(ModelException.class, message,
                    () -> Comparison.run(MODEL, workload, List.of(SINGLE), DEFAULTS, repetitions, setup -> {}));
            assertRefused(ModelException.class, message,
                    () -> new SpeedTest(4, 0, 8, 1, 0).nanos(MODEL, SINGLE, DEFAULTS, repetitions, () -> {}));
        }
        assertRefused(ModelException.class,
                "either 'prompt' or 'generate' must be above 0 and the other 0: they are 100 and 400",
                () -> new SpeedTest(100, 400, 8, 1, 0));
        assertRefused(ModelException.class, "'sequences' must be at least 1, is 0", () -> new SpeedTest(4, 0, 8, 0, 0));
        Comparison comparison = Comparison.run(MODEL, workload,
                List.of(Layout.tensorPipeline(3, 1).withMicroBatches(1), SINGLE), DEFAULTS, 1, setup -> {});
        assertThatThrownBy(() -> comparison.entries().getFirst().typical())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith("tp 3 x pp 1 has no run: 'tensor_parallel_size' 3 does not divide");
    }

    @Test
    void aLongStallTimeoutIsNoOverflow() throws Exception {
        IntConsumer slow = sequence -> {
            try {
                // Longer than a look at the ranks.
                Thread.sleep(300);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
        RunResult result = generation().maxTokens(1).layout(SEPARATED)
                .execution(stalling(Duration.ofSeconds(Long.MAX_VALUE), slow.andThen(slow))).run();
        assertThat(result.outputs()).hasSize(2);
    }

    @Test
    void anEndingThatFailsOrKeepsTooMuchEndsTheRun() {
        for (Layout layout : List.of(Layout.single(), SEPARATED)) {
            try (PlanExecutor executor = executor(layout, new Job(TINY, workload(tokens -> 99), DEFAULTS))) {
                assertRefused(RunFailedException.class, "the workload's ending keeps 99 of 1 token", executor::run);
            }
            Workload fails = workload(tokens -> {
                throw new IllegalStateException("planted");
            });
            try (PlanExecutor executor = executor(layout, new Job(TINY, fails, DEFAULTS))) {
                assertRefused(RunFailedException.class,
                        "the workload's ending failed: java.lang.IllegalStateException: planted", executor::run);
            }
        }
    }

    @Test
    void anExecutorRunsAgainUntilItIsCancelledOrClosed() {
        Job job = new Job(TINY, workload(Workload.Ending.NEVER), DEFAULTS);
        PlanExecutor executor = executor(SEPARATED, job);
        RunResult first = executor.run();
        RunResult second = executor.run();
        for (int i = 0; i < first.outputs().size(); i++) {
            assertThat(second.outputs().get(i).tokenIds()).isEqualTo(first.outputs().get(i).tokenIds());
        }
        assertRefused(ModelException.class, "'times' must be at least 1, is 0", () -> job.checkRuns(0));
        executor.cancel();
        executor.run();
        assertRefused(IllegalStateException.class, "this executor cannot run again: make another one", executor::run);
        executor.close();
        assertRefused(IllegalStateException.class, "the executor is closed", executor::run);
        executor.close();
    }

    @Test
    void changesThatMakeNoSenseAreRefused() {
        assertRefused(PlanException.class, "a change of layout cannot be made at step -1",
                () -> new Changes.Ordered(-1, LayoutChange.Kind.RATIO, state -> null));
        Changes.Ordered change = new Changes.Ordered(1, LayoutChange.Kind.RATIO, state -> null);
        assertRefused(PlanException.class, "there are two changes of layout at step 1",
                () -> Changes.at(change, change));
        for (int interval : new int[] {0, -1}) {
            assertRefused(PlanException.class,
                    "the interval of a policy of layout changes must be at least 1 step, is " + interval,
                    () -> changes(interval, state -> Optional.empty()));
        }
    }

    private static Changes changes(int interval,
            Function<LayoutPolicy.LiveState, @Nullable Optional<LayoutPolicy.Proposal>> propose) {
        return new Changes(List.of(), Optional.of(new LayoutPolicy() {
            @Override
            public int interval() {
                return interval;
            }

            @Override
            public Optional<Proposal> propose(LiveState state) {
                return propose.apply(state);
            }

            @Override
            public void ended(LayoutChange change, LiveState state) {
                throw new IllegalStateException("planted");
            }
        }), Duration.ofSeconds(Long.MAX_VALUE));
    }

    @Test
    void aChangeWithoutATargetFailsAndTheRunGoesOn() {
        Changes changes = Changes.at(new Changes.Ordered(2, LayoutChange.Kind.RATIO, state -> null));
        RunResult result = generation().maxTokens(6).ignoringEos().layout(SEPARATED)
                .execution(DEFAULTS.withChanges(changes)).run();
        assertThat(result.outputs().getFirst().tokenIds()).hasSize(6);
        assertThat(result.changes()).singleElement()
                .satisfies(change -> assertThat(change.outcome())
                        .isEqualTo("failed: NullPointerException: the change has no target"));
    }

    @Test
    void aChangeThatIsNotReachedCountsTheSteps() {
        Changes changes = Changes.at(new Changes.Ordered(9, LayoutChange.Kind.RATIO, state -> null));
        RunResult result = generation().maxTokens(2).ignoringEos().layout(SEPARATED)
                .execution(DEFAULTS.withChanges(changes)).run();
        assertThat(result.changes()).singleElement().satisfies(change -> assertThat(change.outcome())
                .isEqualTo("not reached: the run ended after 1 decode step"));
    }

    @Test
    void aPolicyThatFailsEndsTheRunInTheLibrarysWords() {
        Generation generation = generation().maxTokens(40).ignoringEos().layout(SEPARATED)
                .execution(DEFAULTS.withChanges(changes(1, state -> null)));
        assertRefused(RunFailedException.class,
                "the policy of layout changes failed: java.lang.IllegalStateException: planted", generation::run);
    }

    @Test
    void aRankLoaderThatGivesNothingIsNamed() {
        Job none = new Job(
                TINY, workload(Workload.Ending.NEVER), DEFAULTS, (rank, device, weights, capacity) -> null,
                Optional.empty());
        assertRefused(RunFailedException.class,
                "rank 0 (attention): IllegalStateException: the rank loader gave no device",
                () -> executor(SEPARATED, none));
        RankLoader full = (rank, device, weights, capacity) -> {
            throw new OutOfMemoryError("Cannot reserve 65536 bytes of direct buffer memory (allocated: 1, limit: 2)");
        };
        assertThatThrownBy(() -> executor(SEPARATED,
                new Job(TINY, workload(Workload.Ending.NEVER), DEFAULTS, full, Optional.empty())))
                .isInstanceOf(RunFailedException.class)
                .hasMessageStartingWith("rank 0 (attention): out of memory (Cannot reserve 65536 bytes")
                .hasMessageContaining("limit: 2)): raise the JVM's -XX:MaxDirectMemorySize, use fewer ranks");
    }

    @Test
    void ranksThatDoNotFitInTheMemoryOfTheJvmAreRefusedBeforeOneIsMade() {
        // No rank has fewer than thirty arrays, each of which takes a page and what it takes to begin at one.
        int ranks = (int) Math.min(Layout.MOST_RANKS, MemoryBudget.directLimit() / (30 * (128 << 10)) + 1);
        assertThatThrownBy(() -> generation().layout(Layout.tensorPipeline(1, 1).withDataParallel(ranks)).run())
                .isInstanceOf(ModelException.class)
                .hasMessageStartingWith("not enough memory for the KV cache, activations and parts of weights of ")
                .hasMessageEndingWith("or fewer ranks");
    }

    private static Model checkpoint(Path folder) throws Exception {
        TestCheckpoint.of("mixtral", "{\"num_hidden_layers\": 2}", 5).write(folder);
        return Model.checkpoint(folder);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aClosedModelSaysSo(boolean preset, @TempDir Path folder) throws Exception {
        Model model = preset ? Model.open("tiny") : checkpoint(folder);
        Generation before = Generation.of(model).prompt(1, 2).maxTokens(2);
        model.close();
        model.close();
        assertThat(model.config().name()).isNotEmpty();
        for (ThrowingCallable use : List.<ThrowingCallable>of(
                before::run, () -> Generation.of(model), model::weights, model::tokenizer, () -> model.sampler(true),
                () -> before.prompt("text"), () -> before.stop(List.of("text")), () -> before.chat(List.of()))) {
            assertRefused(IllegalStateException.class, "the model is closed", use);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aModelThatIsClosedDuringARunEndsIt(boolean preset, @TempDir Path folder) throws Exception {
        Model model = preset ? Model.open("tiny") : checkpoint(folder);
        Generation generation = Generation.of(model).prompt(1, 2).maxTokens(8).layout(SEPARATED)
                .execution(DEFAULTS.withOnToken(sequence -> model.close()));
        assertRefused(RunFailedException.class, "the model was closed during the run", generation::run);
    }

    @Test
    void weightsOfAClosedCheckpointSaySo(@TempDir Path folder) throws Exception {
        TestCheckpoint.of("mixtral", "{\"num_hidden_layers\": 2}", 5).write(folder);
        Checkpoint checkpoint = Checkpoint.open(folder);
        ModelWeights weights = checkpoint.weights();
        checkpoint.close();
        try (PlanExecutor executor = new PlanExecutor(
                Planning.plan(weights.config(), Layout.single()),
                new Job(weights, workload(Workload.Ending.NEVER), DEFAULTS))) {
            assertRefused(RunFailedException.class, "rank 0 (both): the model of the weights is closed",
                    executor::run);
        }
    }
}
