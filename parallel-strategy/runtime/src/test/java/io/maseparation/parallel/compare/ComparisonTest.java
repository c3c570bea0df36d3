package io.maseparation.parallel.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.Reference;
import io.maseparation.moe.segments.SyntheticContext;
import io.maseparation.parallel.Generation;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ComparisonTest {
    private static final Setup SINGLE = Layout.single().withMicroBatches(1);
    private static final Setup SPLIT = Layout.tensorPipeline(2, 1).withMicroBatches(1);
    private static final Setup SEPARATED = Layout.separated(1, 1).withMicroBatches(1);

    private static Workload workload(Model model) {
        return Workload.greedy(RandomPrompts.of(3, 5, model.config().vocab(), 7), 10);
    }

    @Test
    void allAreWarmedUpAndThenTakeTurnsBackAndForth() {
        List<Setup> order = new ArrayList<>();
        AtomicInteger tokens = new AtomicInteger();
        try (Model model = Model.preset("tiny", 0)) {
            Workload workload = workload(model);
            Comparison comparison = Comparison.run(
                    model, workload, List.of(SINGLE, SPLIT, SEPARATED),
                    ExecutionOptions.defaults().withOnToken(sequence -> tokens.incrementAndGet()), 2, order::add);

            assertThat(order).containsExactly(
                    SINGLE, SPLIT, SEPARATED, SINGLE, SPLIT, SEPARATED, SEPARATED, SPLIT, SINGLE);
            assertThat(tokens.get()).isEqualTo(Comparison.tokens(workload, 3, 2)).isEqualTo(3 * 3 * (8 + 2 * 10));
            assertThat(comparison.equal()).isTrue();
            assertThat(comparison.reference().setup()).isEqualTo(SINGLE);
            assertThat(comparison.entries()).allMatch(Comparison.Entry::ran);
            assertThat(comparison.entries().getLast().differences()).isEmpty();
            assertThat(comparison.singleTpotMs())
                    .isEqualTo(comparison.entries().getFirst().typical().metrics().tpotMs());
            for (RunResult.SequenceOutput output : comparison.reference().typical().outputs()) {
                assertThat(output.tokenIds()).hasSize(10);
            }
        }
    }

    @Test
    void aLayoutThatDoesNotFitSaysWhyAndTheOthersGoOn() {
        try (Model model = Model.preset("tiny", 0)) {
            Workload workload = workload(model);
            ExecutionOptions execution = ExecutionOptions.defaults();
            long most = Comparison.run(model, workload, List.of(SEPARATED), execution, 1, layout -> {})
                    .reference().typical().ranks().stream()
                    .mapToLong(rank -> rank.memory().bytes())
                    .max()
                    .orElseThrow();

            Comparison comparison = Comparison.run(
                    model, workload, List.of(SINGLE, SEPARATED), execution.withDeviceMemory(most), 1, layout -> {});

            assertThat(comparison.entries().getFirst().ran()).isFalse();
            assertThat(comparison.entries().getFirst().refusal()).hasValueSatisfying(
                    why -> assertThat(why).startsWith("rank 0 (both) needs"));
            assertThat(comparison.reference().setup()).isEqualTo(SEPARATED);
            assertThat(comparison.singleTpotMs()).isNaN();
            assertThatThrownBy(() -> Comparison.run(
                    model, workload, List.of(SINGLE), execution.withDeviceMemory(most), 1, layout -> {}))
                    .isInstanceOf(PlanException.class)
                    .hasMessageStartingWith("no strategy can run: rank 0 (both) needs");
        }
    }

    @Test
    void layoutsThatSplitHeadsOrWidthsRoundDifferently() {
        assertThat(List.of(SINGLE.layout(), SEPARATED.layout(), Layout.expertParallel(4), Layout.tensorPipeline(1, 4)))
                .noneMatch(Layout::splitsSums);
        assertThat(SPLIT.layout()).matches(Layout::splitsSums);
        assertThat((Layout) Layout.separated(2, 1).withAttentionTensorParallel(2)).matches(Layout::splitsSums);
    }

    @Test
    void onlyTheSameSplitRoundsAlike() {
        Layout four = Layout.tensorPipeline(4, 1);
        assertThat(Comparison.roundDifferently(SPLIT.layout(), four)).isTrue();
        assertThat(Comparison.roundDifferently(SPLIT.layout(), SINGLE.layout())).isTrue();
        assertThat(Comparison.roundDifferently(SPLIT.layout(), SPLIT.layout())).isFalse();
        assertThat(Comparison.roundDifferently(SEPARATED.layout(), SINGLE.layout())).isFalse();
    }

    /** Otherwise a token that differs at a depth would be judged by the gaps of another computation. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "F16"})
    void theReferenceHasTheContextThatRunsAtADepthHave(DataType kvType) {
        int depth = 6;
        List<int[]> prompts = List.of(new int[] {3, 1, 4}, new int[] {1, 5});
        try (Model model = Model.preset("tiny", 0)) {
            for (Setup setup : List.of(SINGLE, SPLIT)) {
                RunResult result = Generation.of(model).prompts(prompts).depth(depth).maxTokens(2).promptLogits()
                        .layout(setup).execution(ExecutionOptions.defaults().withKvType(kvType)).run();
                for (int i = 0; i < prompts.size(); i++) {
                    int[] prompt = prompts.get(i);
                    double[][] expected = new Reference(model.weights()).trace(prompt, depth + prompt.length + 2,
                            SyntheticContext.past(model.config(), kvType, 0, i, depth)).logits();
                    float[] actual = result.outputs().get(i).promptLogits();
                    for (int j = 0; j < actual.length; j++) {
                        assertThat((double) actual[j]).as("%s, logit %d of prompt %d", setup.name(), j, i)
                                .isCloseTo(expected[prompt.length - 1][j],
                                        within(kvType == DataType.F32 ? 2e-5 : 2e-3));
                    }
                }
            }
        }
    }

    @Test
    void aSpeedTestRunsOnceMoreThanItMeasures() {
        AtomicInteger runs = new AtomicInteger();
        SpeedTest test = new SpeedTest(0, 4, 256, 2, 3);
        try (Model model = Model.preset("tiny", 0)) {
            SpeedTest.Samples nanos =
                    test.nanos(model, SINGLE, ExecutionOptions.defaults(), 3, runs::incrementAndGet);

            assertThat(runs.get()).isEqualTo(4);
            assertThat(nanos.values()).hasSize(3).doesNotContain(0);
            assertThat(test.rates(nanos).values()[0]).isEqualTo(8e9 / nanos.values()[0]);
        }
        assertThat(test.label()).isEqualTo("tg4 @ d3 x 2");
        assertThat(test.context()).isEqualTo(8);
        assertThat(new SpeedTest.Samples(new double[] {1, 3}).deviation()).isEqualTo(Math.sqrt(2));
        assertThat(new SpeedTest.Samples(new double[] {5}).deviation()).isZero();
    }
}
