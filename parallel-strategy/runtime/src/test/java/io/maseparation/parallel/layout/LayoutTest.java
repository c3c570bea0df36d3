package io.maseparation.parallel.layout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.moe.segments.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Layouts by themselves: how many ranks they have, what they are called, and what they complain of. */
class LayoutTest {
    private static final ModelConfig TINY = Presets.config("tiny");

    /** Any layout with sizes of 1 to 4, whether or not a model can be laid out that way. */
    private static Setup any(SplittableRandom random) {
        Layout layout =
                switch (Strategy.values()[random.nextInt(4)]) {
                    case SINGLE -> Layout.single();
                    case TP_PP -> Layout.tensorPipeline(size(random), size(random)).withDataParallel(size(random));
                    case EP -> Layout.expertParallel(size(random))
                            .withAttentionTensorParallel(size(random))
                            .withDataParallel(size(random));
                    case MA -> Layout.separated(size(random), size(random))
                            .withAttentionTensorParallel(size(random))
                            .withExpertTensorParallel(size(random))
                            .withExpertReplicas(size(random));
                };
        if (layout.expertGroups() > 0 && random.nextBoolean()) {
            layout = layout.withCombine(CombineMode.SUMS);
        }
        return layout.withMicroBatches(size(random))
                .withSchedule(random.nextBoolean() ? Schedule.BARRIER : Schedule.ASYNC);
    }

    private static int size(SplittableRandom random) {
        return 1 + random.nextInt(4);
    }

    private static Optional<Plan> plan(Setup setup) {
        try {
            return Optional.of(Planning.plan(TINY, setup));
        } catch (PlanException e) {
            assertThat(e.getMessage()).as("a complaint of %s", setup).containsPattern("'[a-z_]+' \\d+");
            return Optional.empty();
        }
    }

    /** What a layout says of itself without a model is what its plan comes to. */
    @Property
    void aPlanIsAsItsLayoutSays(@ForAll long seed) {
        Setup setup = any(new SplittableRandom(seed));
        Layout layout = setup.layout();
        plan(setup).ifPresent(plan -> {
            assertThat(plan.ranks()).as("ranks of %s", setup).hasSize(layout.ranks());
            assertThat(plan.layout()).isEqualTo(layout);
            RankPlan first = plan.ranks().getFirst();
            assertThat(first.shard().attention().orElseThrow().parts()).isEqualTo(layout.headSlices());
            assertThat(plan.ranks().stream().map(r -> r.shard().firstLayer()).distinct()).hasSize(layout.stages());
            assertThat(plan.placement().groups()).isEqualTo(plan.placement().copies() * layout.expertGroups());
            boolean split =
                    plan.ranks().stream().anyMatch(r -> r.shard().attention().map(a -> a.parts() > 1).orElse(false)
                            || r.shard().experts().map(e -> e.parts() > 1).orElse(false)
                            || r.segments().stream()
                                    .flatMap(s -> s.layers().stream())
                                    .anyMatch(s -> s.experts().map(Part.Experts::sums).orElse(false)));
            assertThat(layout.splitsSums()).as("whether %s splits sums", setup).isEqualTo(split);
        });
    }

    @Test
    void layersWithoutAMessageBetweenThemAreOneSegment() {
        for (Layout layout : List.of(
                Layout.single(), Layout.tensorPipeline(1, 2), Layout.tensorPipeline(1, 2).withDataParallel(2))) {
            assertThat(Planning.plan(TINY, layout).ranks())
                    .as("%s", layout)
                    .allSatisfy(rank -> {
                        assertThat(rank.segments()).hasSize(1);
                        assertThat(rank.program()).filteredOn(Op.Compute.class::isInstance).hasSize(1);
                        assertThat(rank.segments().getFirst().layers())
                                .hasSize(rank.shard().endLayer() - rank.shard().firstLayer());
                    });
        }
    }

    /** Names tell layouts of a strategy apart, and say the sizes that are not 1. */
    @Property
    void namesAreAlikeWhereLayoutsAre(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Setup one = any(random);
        Setup other = any(random);
        Layout layout = one.layout();
        assertThat(layout.name().equals(other.layout().name())).isEqualTo(layout.equals(other.layout()));
        assertThat(layout.name()).startsWith(layout.strategy() == Strategy.TP_PP ? "tp " : layout.strategy().id());
        layout.sizes().forEach((size, n) -> {
            if (n > 1) {
                assertThat(layout.name()).as("%s of %s", size, layout).contains(String.valueOf(n));
            }
        });
        assertThat(one.name()).isEqualTo(one.batching().microBatches() == 1
                ? layout.name()
                : layout.name() + ", " + one.batching().microBatches() + " micro-batches");
    }

    @Property
    void aLayoutComesBackFromItsSizesAndFromAPlanFile(@ForAll long seed) throws IOException {
        Setup setup = any(new SplittableRandom(seed));
        Layout layout = setup.layout();
        assertThat(Layout.of(layout.strategy(), layout.sizes()).withCombine(layout.combine())).isEqualTo(layout);
        for (LayoutSize size : LayoutSize.values()) {
            assertThat(size.belongsTo(layout.strategy())).isEqualTo(layout.sizes().containsKey(size));
        }
        Optional<Plan> plan = plan(setup);
        if (plan.isPresent()) {
            Path file = Files.createTempFile("plan", ".json");
            try {
                PlanFile.of(plan.get()).write(file);
                assertThat(PlanFile.read(file).setup()).isEqualTo(setup);
                assertThat(PlanFile.read(file).setup().name()).isEqualTo(setup.name());
            } finally {
                Files.delete(file);
            }
        }
    }

    /** A size of 0, or one beyond all limits, is complained of by its name, whichever it is. */
    @Property
    void everySizeIsChecked(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Layout layout = any(random).layout();
        layout.sizes().forEach((size, n) -> {
            int bad = random.nextBoolean() ? -random.nextInt(3) : Layout.MOST_RANKS + 1 + random.nextInt(3);
            Map<LayoutSize, Integer> sizes = new EnumMap<>(layout.sizes());
            sizes.put(size, bad);
            assertThatThrownBy(() -> Planning.plan(TINY, Layout.of(layout.strategy(), sizes)))
                    .isInstanceOf(PlanException.class)
                    .hasMessageStartingWith("'%s' must be at ".formatted(size.id()))
                    .hasMessageEndingWith("is " + bad);
        });
    }

    @Test
    void namesInWords() {
        assertThat(Layout.single().name()).isEqualTo("single");
        assertThat(Layout.tensorPipeline(2, 3).withDataParallel(4).name()).isEqualTo("tp 2 x pp 3 x dp 4");
        assertThat(Layout.expertParallel(4).withAttentionTensorParallel(2).withDataParallel(3).name())
                .isEqualTo("ep 4 x dp 3, attention tp 2");
        assertThat(Layout.separated(12, 4).withAttentionTensorParallel(2).withExpertTensorParallel(4).name())
                .isEqualTo("ma 12:4, attention tp 2, experts tp 4");
        assertThat(Layout.separated(4, 4).withExpertReplicas(2).withMicroBatches(3).name())
                .isEqualTo("ma 4:4, expert replicas 2, 3 micro-batches");
        assertThat(Layout.separated(1, 2).withDispatch(Dispatch.byNode(3, rank -> rank / 2)).name())
                .isEqualTo("ma 1:2, dispatch by node");
    }

    @Test
    void moreRanksThanCanBeCountedAreTooMany() {
        Layout layout = Layout.tensorPipeline(65_536, 65_536).withDataParallel(65_536);
        assertThat(layout.ranks()).isEqualTo(Integer.MAX_VALUE);
        assertThatThrownBy(() -> layout.check(TINY))
                .hasMessage(
                        "the layout has more than 65536 ranks: lower 'tensor_parallel_size' or 'pipeline_parallel_size'"
                                + " or 'data_parallel_size'");
    }
}
