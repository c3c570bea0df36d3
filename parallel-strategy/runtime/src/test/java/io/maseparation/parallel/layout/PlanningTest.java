package io.maseparation.parallel.layout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class PlanningTest {
    private static final ModelConfig SEED = Presets.config("seed");

    @Test
    void layoutsThatDoNotFitNameTheSize() {
        ModelConfig tiny = Presets.config("tiny");
        assertMessage(tiny, Layout.separated(1, 999), "'expert_devices' 999 is more than");
        assertMessage(tiny, Layout.expertParallel(999), "'expert_parallel_size' 999 is more than");
        assertMessage(tiny, Layout.separated(0, 1), "'attention_devices' must be at least 1");
        assertMessage(tiny, Layout.tensorPipeline(7, 1), "'tensor_parallel_size' 7 does not divide");
        assertMessage(tiny, Layout.tensorPipeline(1, 999), "'pipeline_parallel_size' 999 is more than");
        assertMessage(tiny, Layout.separated(3, 1).withAttentionTensorParallel(2),
                "'attention_tensor_parallel_size' 2 does not divide 'attention_devices' 3");
        assertMessage(tiny, Layout.separated(7, 1).withAttentionTensorParallel(7),
                "'attention_tensor_parallel_size' 7 does not divide the model's");
        assertMessage(tiny, Layout.separated(4, 3).withExpertReplicas(2),
                "'expert_replicas' 2 does not divide 'expert_devices' 3");
        assertMessage(tiny, Layout.separated(1, 2).withExpertReplicas(2),
                "'expert_replicas' 2 is more than the 1 group of attention devices");
        assertMessage(tiny, Layout.separated(2, 6).withExpertReplicas(2).withExpertTensorParallel(2),
                "'expert_tensor_parallel_size' 2 does not divide the 3 expert devices of a copy");
        assertMessage(tiny, Layout.separated(1, 999).withExpertTensorParallel(999),
                "'expert_tensor_parallel_size' 999 does not divide the experts' width");
        assertMessage(tiny, Layout.separated(2, 20).withExpertReplicas(2),
                "'expert_devices' 20, 10 groups per copy, is more than the 8 experts");
        assertMessage(tiny, Layout.expertParallel(3).withAttentionTensorParallel(2),
                "'attention_tensor_parallel_size' 2 does not divide 'expert_parallel_size' 3");
        assertMessage(tiny, Layout.tensorPipeline(2, 2).withDataParallel(0),
                "'data_parallel_size' must be at least 1");
        assertMessage(tiny, Layout.tensorPipeline(65_536, 65_536), "the layout has more than 65536 ranks");
        assertThatThrownBy(() -> Layout.single().withMicroBatches(0))
                .isInstanceOf(PlanException.class)
                .hasMessage("'micro_batches' must be at least 1, is 0");
    }

    /** Attention, its all-reduce and the sending of a layer's rows go together; the answers begin what comes next. */
    @Test
    void whatLiesBetweenTwoExchangesIsOneLeg() {
        RankPlan rank = Planning.plan(
                SEED, Layout.separated(4, 2).withAttentionTensorParallel(2).withMicroBatches(3))
                .ranks().getFirst();
        int[] legs = rank.legs();
        assertThat(legs[at(rank, "route0")]).isEqualTo(legs[at(rank, "attention0")]);
        assertThat(legs[at(rank, "combine0")]).isGreaterThan(legs[at(rank, "route0")]);
        assertThat(legs[at(rank, "route1")]).isEqualTo(legs[at(rank, "combine0")]);
    }

    private static int at(RankPlan rank, String segment) {
        return rank.program().indexOf(new Op.Compute(segment));
    }

    private static void assertMessage(ModelConfig config, Layout layout, String start) {
        assertMessage(config, layout.withMicroBatches(1), start);
    }

    private static void assertMessage(ModelConfig config, Setup setup, String start) {
        assertThatThrownBy(() -> Planning.plan(config, setup))
                .isInstanceOf(PlanException.class)
                .hasMessageStartingWith(start)
                .extracting(Throwable::getMessage)
                .asString()
                .doesNotContain("\n");
    }

    @Property
    void wholeExpertsAreEachHeldOnceAndSpreadEvenly(
            @ForAll @IntRange(min = 1, max = 8) int attention, @ForAll @IntRange(min = 1, max = 16) int experts) {
        Plan plan = Planning.plan(SEED, Layout.separated(attention, experts));
        for (int layer = 0; layer < SEED.layers().size(); layer++) {
            List<Integer> all = new ArrayList<>();
            int least = Integer.MAX_VALUE;
            int most = 0;
            for (RankPlan rank : plan.ranks()) {
                if (rank.role() == Role.ATTENTION) {
                    assertThat(rank.shard().experts()).isEmpty();
                    continue;
                }
                assertThat(rank.shard().attention()).isEmpty();
                List<Integer> held = rank.shard().experts().orElseThrow().perLayer().get(layer);
                for (int expert : held) {
                    assertThat(plan.placement().holders(layer, expert)).containsExactly(rank.rank());
                }
                all.addAll(held);
                least = Math.min(least, held.size());
                most = Math.max(most, held.size());
            }
            assertThat(all).containsExactlyElementsOf(IntStream.range(0, 16).boxed().toList());
            assertThat(most - least).isLessThanOrEqualTo(1);
        }
    }
}
