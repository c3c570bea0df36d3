package io.maseparation.parallel.execute.rank;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.HostInts;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.moe.segments.Segment;
import io.maseparation.parallel.execute.TestDevices;
import io.maseparation.parallel.execute.TestModels;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** What a rank computes in one graph or several, and what it leaves on its device. */
class RankDeviceTest {
    private static Capacity capacity(Plan plan) {
        return new Capacity(4, plan.placement().isEmpty() ? 0 : 8, 4, 64, List.of(16), DataType.F32);
    }

    /**
     * The logits of a step, and the router's choice in each layer, whether a segment is one graph, as many as the model
     * has layers, or as few as TornadoVM has room for.
     */
    @Property(tries = 10)
    void theNumberOfGraphsMakesNoDifference(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ModelConfig few = TestModels.random(random);
        List<ModelConfig.Layer> layers = new ArrayList<>();
        while (layers.size() < 12) {
            layers.addAll(few.layers());
        }
        ModelConfig config = new ModelConfig(few.name(), few.family(), few.hidden(), few.vocabulary(), few.attention(),
                few.feedForward(), few.numerics(), layers);
        ModelWeights weights = RandomWeights.create(config, seed);
        RankPlan rank = Planning.plan(config, Layout.single()).ranks().getFirst();
        Segment whole = rank.segments().getFirst();
        Device strict = TestDevices.strict(1).getFirst().withBody(Body.PORTABLE);
        assumeTrue(strict.target().embedded(), "graphs of an SDK are as large as they can be");
        Device compiling = new Device(strict.device(), new KernelTarget("compiles", false, false, true, true, true,
                TornadoVMBackendType.JAVA, false, false, false, Optional.of(Body.PORTABLE)));

        List<Object> one = step(strict, weights, rank, rank.segments());

        assertThat(rank.segments()).hasSize(1);
        assertThat(whole.layers()).hasSameSizeAs(layers);
        assertThat(step(strict, weights, rank, whole.layers())).isEqualTo(one);
        assertThat(step(compiling, weights, rank, rank.segments())).isEqualTo(one);
    }

    private static List<Object> step(Device device, ModelWeights weights, RankPlan rank, List<Segment> segments) {
        Capacity capacity = new Capacity(3, 0, 2, 128, List.of(16), DataType.F32);
        List<Object> seen = new ArrayList<>();
        try (RankDevice run = new RankDevice(device, weights, rank.shard(), capacity, segments)) {
            RankBuffers buffers = run.buffers();
            buffers.inputs().step().setAll(0, 1, 2, 0);
            buffers.outputs().step().setAll(0, 0, 2, 0);
            for (int i = 0; i < 2; i++) {
                buffers.inputs().tokens().set(1 + i, 3 * i + 1);
                buffers.inputs().place(1 + i, 0, i, buffers.inputs().rope().firstRow(16));
                buffers.outputs().rows().set(i, 1 + i);
            }
            segments.forEach(segment -> run.run(segment.name()));
            run.fetchLogits();
            float[] logits = new float[2 * weights.config().vocab()];
            buffers.outputs().logits().read(0, logits, 0, logits.length);
            for (float logit : logits) {
                seen.add(logit);
            }
            List<ModelConfig.Layer> layers = weights.config().layers();
            for (int layer = 0; layer < layers.size(); layer++) {
                int slots = layers.get(layer).routing().slots();
                HostInts choice = Objects.requireNonNull(buffers.choices().get(layer));
                for (int pair = slots; pair < 3 * slots; pair++) {
                    seen.add(choice.get(pair));
                }
            }
        }
        assertThat(TestDevices.used(device)).isZero();
        return seen;
    }

    @Property(tries = 60)
    void everyArrayIsFreed(@ForAll long seed) {
        Optional<Plan> plan = TestModels.plan(seed);
        Assume.that(plan.isPresent());
        ModelWeights weights = RandomWeights.create(plan.orElseThrow().config(), seed);
        for (RankPlan rank : plan.orElseThrow().ranks()) {
            Device strict = TestDevices.strict(1).getFirst();
            Capacity capacity = capacity(plan.orElseThrow());
            try (RankDevice device = new RankDevice(strict, weights, rank.shard(), capacity, rank.segments())) {
                // Without rows.
                rank.segments().forEach(segment -> device.run(segment.name()));
            }
            // As TornadoVM does, the device frees what transfers name, and no more.
            assertThat(TestDevices.used(strict))
                    .as("bytes left by %s", plan.orElseThrow().setup())
                    .isZero();
        }
    }

    /** Otherwise a change of layout that does not fit leaves the run with less memory. */
    @Property(tries = 15)
    void aRankThatDoesNotFitLeavesNothing(@ForAll long seed) {
        Optional<Plan> plan = TestModels.plan(seed);
        Assume.that(plan.isPresent());
        ModelWeights weights = RandomWeights.create(plan.orElseThrow().config(), seed);
        SplittableRandom random = new SplittableRandom(seed);
        for (RankPlan rank : plan.orElseThrow().ranks()) {
            Capacity capacity = capacity(plan.orElseThrow());
            Device large = TestDevices.strict(1).getFirst();
            long atFirst;
            try (RankDevice _ = new RankDevice(large, weights, rank.shard(), capacity, rank.segments())) {
                atFirst = TestDevices.used(large);
            }
            if (atFirst > 0) {
                Device small = TestDevices.ofSize(1, random.nextLong(atFirst)).orElseThrow().getFirst();
                assertThatThrownBy(
                        () -> new RankDevice(small, weights, rank.shard(), capacity, rank.segments()).close())
                        .hasMessageContaining(" has no room for ");
                assertThat(TestDevices.used(small)).as("bytes left by %s", plan.orElseThrow().setup()).isZero();
            }
        }
    }
}
