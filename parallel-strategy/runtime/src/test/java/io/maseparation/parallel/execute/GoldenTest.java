package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.moe.Checkpoint;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.RunResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/**
 * Checkpoints and tokens that Hugging Face transformers wrote, under every strategy, on devices with memory of their
 * own.
 */
class GoldenTest {
    /**
     * Of logits, whose root mean square is about 1, where activations are rounded to fp16: some ten roundings of 2^-11
     * follow each other through the layers.
     */
    private static final float F16_LOGIT_TOLERANCE = 5e-3f;

    static Stream<Arguments> runs() {
        List<Setup> layouts = new ArrayList<>(List.of(
                Layout.single().withMicroBatches(1),
                Layout.single().withMicroBatches(2),
                Layout.tensorPipeline(2, 2).withMicroBatches(1),
                Layout.tensorPipeline(2, 2).withMicroBatches(3),
                Layout.expertParallel(4).withMicroBatches(1),
                Layout.expertParallel(3).withMicroBatches(2),
                Layout.tensorPipeline(2, 1).withDataParallel(2).withMicroBatches(1),
                Layout.expertParallel(2).withDataParallel(2).withMicroBatches(1),
                Layout.expertParallel(4).withAttentionTensorParallel(2).withMicroBatches(2),
                Layout.expertParallel(2).withAttentionTensorParallel(2).withMicroBatches(1),
                Layout.separated(4, 4).withAttentionTensorParallel(2).withMicroBatches(2),
                Layout.separated(2, 4).withExpertTensorParallel(2).withMicroBatches(1),
                Layout.separated(2, 4).withExpertReplicas(2).withMicroBatches(2),
                Layout.separated(4, 4)
                        .withAttentionTensorParallel(2)
                        .withExpertTensorParallel(2)
                        .withExpertReplicas(2)
                        .withMicroBatches(1)));
        int[][] ratios = {{1, 1}, {3, 1}, {1, 3}, {2, 3}};
        for (int[] ratio : ratios) {
            for (int m = 1; m <= 3; m++) {
                layouts.add(Layout.separated(ratio[0], ratio[1]).withMicroBatches(m));
            }
        }
        return Stream.of("mixtral/f32", "mixtral/bf16", "olmoe/f32")
                .flatMap(model -> layouts.stream().map(layout -> Arguments.of(model, layout)));
    }

    @ParameterizedTest
    @MethodSource("runs")
    void tokensAreExactAndLogitsClose(String model, Setup layout) throws Exception {
        GoldenRuns.check(model, layout, Body.HOST);
    }

    static Stream<String> models() {
        return Stream.of("mixtral/f32", "mixtral/bf16", "olmoe/f32");
    }

    static Stream<Arguments> strategies() {
        List<Setup> layouts = List.of(
                Layout.single().withMicroBatches(1),
                Layout.tensorPipeline(2, 2).withMicroBatches(1),
                Layout.expertParallel(2).withMicroBatches(1),
                Layout.separated(2, 1).withMicroBatches(1));
        return models().flatMap(model -> layouts.stream().map(layout -> Arguments.of(model, layout)));
    }

    /** With an SDK on TornadoVM's devices, those of the backend that ranks would take. */
    @Tag("tornado")
    @ParameterizedTest
    @MethodSource("strategies")
    void everyStrategyOnDevices(String model, Setup layout) throws Exception {
        GoldenRuns.check(model, layout, TestDevices.strict(GoldenRuns.DEVICES), Changes.NONE);
    }

    @ParameterizedTest
    @MethodSource("models")
    void portableBodiesAgree(String model) throws Exception {
        GoldenRuns.check(model, Layout.separated(2, 3).withMicroBatches(2), Body.PORTABLE);
    }

    /** bf16 weights as fp16, which loses nothing here, multiplied by the embedded runtime's warps. */
    @Test
    @Tag("long")
    void tensorCoresAgree() throws Exception {
        tensorCoresAgree(Layout.separated(1, 2).withMicroBatches(2), 4);
    }

    /** A warp's lanes are virtual threads that wait for each other: 45 s a layout. */
    @Tag("long")
    @ParameterizedTest
    @MethodSource("tensorLayouts")
    void tensorCoresAgreeToTheEnd(Setup layout) throws Exception {
        tensorCoresAgree(layout, GoldenRuns.TOKENS);
    }

    private static void tensorCoresAgree(Setup layout, int tokens) throws Exception {
        List<Device> devices = TestDevices.strict(GoldenRuns.DEVICES);
        assumeTrue(devices.getFirst().target().embedded(), "devices of an SDK are tested as they are");

        GoldenRuns.check("mixtral/bf16", layout, devices.stream().map(GoldenTest::withTensorCores).toList(),
                Changes.NONE, GoldenRuns.LOGIT_TOLERANCE, tokens);
        assertThat(devices).allSatisfy(d -> assertThat(TestDevices.used(d)).isZero());
    }

    /** Errors of 2^-11 of each product, and the same bits in layouts that are bit-identical in fp32. */
    @Test
    void f16ActivationsGiveTheTokensAndOneSetOfBits() throws Exception {
        List<Device> devices = TestDevices.strict(GoldenRuns.DEVICES);
        assumeTrue(devices.getFirst().target().embedded(), "devices of an SDK are tested as they are");
        List<Device> f16 = devices.stream().map(GoldenTest::withTensorCores).map(Device::withF16Activations).toList();

        List<List<float[]>> logits = new ArrayList<>();
        for (Setup layout : tensorLayouts().toList()) {
            RunResult result = GoldenRuns.check("mixtral/bf16", layout, f16, Changes.NONE, F16_LOGIT_TOLERANCE, 4);
            logits.add(result.outputs().stream().map(RunResult.SequenceOutput::promptLogits).toList());
        }
        for (int i = 0; i < logits.getFirst().size(); i++) {
            assertThat(logits.getLast().get(i)).isEqualTo(logits.getFirst().get(i));
        }
    }

    static Stream<Setup> tensorLayouts() {
        return Stream.of(Layout.single().withMicroBatches(1), Layout.separated(1, 2).withMicroBatches(2));
    }

    private static Device withTensorCores(Device device) {
        return new Device(
                device.device(),
                new KernelTarget("fp16 only", true, false, true, true, false, TornadoVMBackendType.JAVA, false, true,
                        false, Optional.of(Body.GPU)));
    }

    /**
     * Devices with a memory of their own, as those of an SDK are, with hardly more room than for the model's weights
     * alone.
     */
    @ParameterizedTest
    @MethodSource("partLayouts")
    void ranksHoldTheirPartsOfTheWeightsOnly(Setup layout) throws Exception {
        long model;
        try (Checkpoint checkpoint = Checkpoint.open(GoldenRuns.FOLDER.resolve("mixtral/f32"))) {
            model = checkpoint.weights().bytes();
        }
        Optional<List<Device>> devices = TestDevices.ofSize(GoldenRuns.DEVICES, model * 21 / 20);
        assumeTrue(devices.isPresent(), "devices of an SDK have the sizes they have");

        GoldenRuns.check("mixtral/f32", layout, devices.get().stream().map(GoldenTest::compiling).toList(),
                Changes.NONE);
        assertThat(devices.get()).allSatisfy(d -> assertThat(TestDevices.used(d)).isZero());
    }

    static Stream<Setup> partLayouts() {
        return Stream.of(
                Layout.tensorPipeline(2, 1).withMicroBatches(1),
                Layout.expertParallel(2).withMicroBatches(1),
                Layout.separated(1, 2).withMicroBatches(2),
                Layout.separated(1, 2).withExpertTensorParallel(2).withMicroBatches(1));
    }

    private static Device compiling(Device device) {
        return new Device(
                device.device(),
                new KernelTarget("compiles", false, false, true, true, true, TornadoVMBackendType.JAVA, false, false,
                        false, Optional.of(Body.PORTABLE)));
    }
}
