package io.maseparation.parallel.layout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ProgramCheckerTest {
    private static final ModelConfig TINY = Presets.config("tiny");

    static Stream<Layout> layouts() {
        return Stream.of(
                Layout.single(),
                Layout.tensorPipeline(2, 2),
                Layout.tensorPipeline(1, 2),
                Layout.expertParallel(4),
                Layout.expertParallel(3),
                Layout.separated(3, 1),
                Layout.separated(1, 3),
                Layout.separated(2, 3),
                Layout.tensorPipeline(2, 2).withDataParallel(2),
                Layout.expertParallel(2).withDataParallel(2),
                Layout.expertParallel(4).withAttentionTensorParallel(2),
                Layout.expertParallel(2).withAttentionTensorParallel(2),
                Layout.separated(2, 3).withAttentionTensorParallel(2),
                Layout.separated(4, 1).withAttentionTensorParallel(2),
                Layout.separated(1, 4).withExpertTensorParallel(2),
                Layout.separated(3, 4).withExpertReplicas(2),
                Layout.separated(4, 8)
                        .withAttentionTensorParallel(2)
                        .withExpertTensorParallel(2)
                        .withExpertReplicas(2),
                Layout.expertParallel(4).withDispatch(new Dispatch(List.of(0, 0, 1, 1))),
                Layout.separated(2, 4).withDispatch(new Dispatch(List.of(0, 1, 0, 0, 1, 1))),
                Layout.separated(2, 4)
                        .withCombine(CombineMode.SUMS)
                        .withDispatch(new Dispatch(List.of(0, 0, 1, 1, 2, 2))));
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void everyStrategysProgramsPass(Layout layout) {
        Plan plan = Planning.plan(TINY, layout);
        assertThat(plan.ranks()).hasSize(layout.ranks());
        ProgramChecker.check(plan);
    }

    /** Dropping any one send, receive or member of a collective must be noticed. */
    @ParameterizedTest
    @MethodSource("layouts")
    void aMissingTransferIsFound(Layout layout) {
        Plan plan = Planning.plan(TINY, layout);
        for (RankPlan rank : plan.ranks()) {
            for (int i = 0; i < rank.program().size(); i++) {
                Op op = rank.program().get(i);
                if (op instanceof Op.Compute || op instanceof Op.Sample || isAlone(op)) {
                    continue;
                }
                List<Op> shorter = new ArrayList<>(rank.program());
                shorter.remove(i);
                assertThatThrownBy(() -> ProgramChecker.check(with(plan, rank, shorter)))
                        .as("without %s on rank %d", op, rank.rank())
                        .isInstanceOf(IllegalStateException.class);
            }
        }
    }

    private static boolean isAlone(Op op) {
        return switch (op) {
            case Op.AllReduce(List<Integer> group, Tensor tensor, int layer) -> group.size() == 1;
            case Op.AllToAll(List<Integer> group, Tensor tensor, int layer) -> group.size() == 1;
            default -> false;
        };
    }

    @Test
    void waitingForEachOtherIsADeadlock() {
        Plan plan = Planning.plan(TINY, Layout.separated(1, 1));
        RankPlan attention = plan.ranks().getFirst();
        List<Op> reversed = new ArrayList<>(attention.program());
        // The answer of layer 0 is asked for before the question is sent.
        Op send = reversed.stream().filter(o -> o instanceof Op.Send).findFirst().orElseThrow();
        int at = reversed.indexOf(send);
        reversed.set(at, reversed.get(at + 1));
        reversed.set(at + 1, send);
        assertThatThrownBy(() -> ProgramChecker.check(with(plan, attention, reversed)))
                .hasMessageContaining("deadlock")
                .hasMessageContaining("rank 0")
                .hasMessageContaining("rank 1");
    }

    @Test
    void anUnknownSegmentIsFound() {
        Plan plan = Planning.plan(TINY, Layout.single());
        assertThatThrownBy(() -> ProgramChecker.check(
                with(plan, plan.ranks().getFirst(), List.of(new Op.Compute("nothing")))))
                .hasMessageContaining("nothing");
    }

    private static Plan with(Plan plan, RankPlan changed, List<Op> chain) {
        List<RankPlan> ranks = new ArrayList<>(plan.ranks());
        ranks.set(
                changed.rank(),
                new RankPlan(
                        changed.rank(), changed.role(), changed.shard(), changed.group(), changed.segments(), chain));
        return new Plan(plan.setup(), plan.config(), ranks, plan.placement(), plan.groups());
    }
}
