package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Rows that cross to a node once; that answers stay the same is {@link LayoutInvarianceTest}'s. */
class NodeDispatchTest {
    private static final ModelConfig TINY = Presets.config("tiny").withTopK(5);
    private static final ModelWeights WEIGHTS = RandomWeights.create(TINY, 5);
    private static final List<int[]> PROMPTS =
            List.of(new int[] {1, 2, 3}, new int[] {4, 5}, new int[] {6}, new int[] {7, 8, 9, 10});

    /** Attention in node 0, experts in nodes 0, 1 and 2. */
    private static Layout layout(CombineMode combine, Dispatch dispatch) {
        return Layout.separated(2, 6).withCombine(combine).withDispatch(dispatch);
    }

    private static final Dispatch BY_NODE = new Dispatch(List.of(0, 0, 1, 2, 1, 0, 2, 1));

    private static RunResult run(Layout layout, List<int[]> prompts) {
        try (PlanExecutor executor = new PlanExecutor(
                Planning.plan(TINY, layout.withMicroBatches(2)),
                new Job(WEIGHTS, Workload.greedy(prompts, 5).ignoringEos().withPromptLogits(),
                        ExecutionOptions.defaults()))) {
            return executor.run();
        }
    }

    private static long sent(RunResult result, int from, int to) {
        return result.ranks().subList(from, to).stream().mapToLong(RunResult.RankReport::bytesSent).sum();
    }

    /** Senders send less, and the ranks of experts forward what is missing. */
    @ParameterizedTest
    @EnumSource(CombineMode.class)
    void rowsAreForwardedInsteadOfSentAgain(CombineMode combine) {
        RunResult direct = run(layout(combine, Dispatch.DIRECT), PROMPTS);
        RunResult once = run(layout(combine, BY_NODE), PROMPTS);

        assertThat(sent(once, 0, 2)).isLessThan(sent(direct, 0, 2));
        assertThat(sent(once, 2, 8)).isGreaterThan(sent(direct, 2, 8));
        for (int i = 0; i < PROMPTS.size(); i++) {
            assertThat(once.outputs().get(i).tokenIds()).isEqualTo(direct.outputs().get(i).tokenIds());
        }
    }

    /** Which rank a row enters at depends on the rows beside it, its sums do not. */
    @Test
    void sumsDoNotDependOnWhereARowEnters() {
        Layout layout = layout(CombineMode.SUMS, BY_NODE);
        RunResult together = run(layout, PROMPTS);
        for (int i = 0; i < PROMPTS.size(); i++) {
            RunResult alone = run(layout, new ArrayList<>(PROMPTS.subList(i, i + 1)));
            assertThat(alone.outputs().getFirst().tokenIds()).isEqualTo(together.outputs().get(i).tokenIds());
            assertThat(alone.outputs().getFirst().promptLogits())
                    .as("logits of prompt %d", i)
                    .isEqualTo(together.outputs().get(i).promptLogits());
        }
    }
}
