package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import io.maseparation.moe.Presets;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Formats and families that exist for planning only, simulated. */
class FormatsTest {
    private static final Cluster H200 = Clusters.named("h200x8");

    private static SimulationResult run(ModelConfig config, Cluster cluster, Setup setup, Scenario scenario) {
        return new Simulation(Planning.plan(config, setup), cluster, scenario).run(false);
    }

    private static ModelConfig layers(String preset, int from, int to) {
        ModelConfig config = Presets.config(preset);
        return config.withLayers(config.layers().subList(from, to));
    }

    private static Scenario scenario(Format cache) {
        return Scenario.decode(64, 1024).with(Conditions.USUAL.withKvFormat(cache)).withSteps(2, 1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"f32", "bf16", "f16", "fp8", "int8", "int4", "mxfp4"})
    void ranksHoldAndReadWhatTheFormatSays(String id) {
        Format format = Format.named().stream().filter(f -> f.id().equals(id)).findFirst().orElseThrow();
        ModelConfig config = layers("mixtral-8x7b", 0, 3).withWeightFormat(format);
        SimulationResult one = run(config, H200, Layout.single().withMicroBatches(1), scenario(format));
        SimulationResult.Rank rank = one.ranks().getFirst();

        assertThat(rank.memory().weightBytes()).isEqualTo(ModelSize.of(config).weightBytes());
        assertThat(rank.memory().kvBytes()).isEqualTo(3L * 64 * 1024 * Math.round(2 * 8 * 128 * format.bits() / 8));
        assertThat(one.use().memoryEfficiency()).isEqualTo(1, within(1e-9));
        // All experts are visited, and everything but the embedding is read once.
        double read = ModelSize.of(config).weightBytes() - ModelSize.of(config).embeddingBytes()
                + rank.memory().kvBytes();
        assertThat(rank.work().bytesMoved()).isBetween(read, read * 1.03);
        assertThat(one.bounds().clusterMs()).isLessThanOrEqualTo(one.bounds().layoutMs())
                .isCloseTo(read / 8 / 4.8e12 * 1e3 * 8, within(0.05 * one.bounds().layoutMs()));
    }

    @ParameterizedTest
    @CsvSource({
        "a100x1, fp8, 1", "a100x1, int8, 2", "a100x1, int4, 1", "a100x1, f32, 0.0625", "h100x1, fp8, 2.001",
        "h200x1, int8, 2.001", "h200x1, mxfp4, 1", "h20-l40s, fp8, 2", "h200x1, f16, 1"
    })
    void aFormatIsComputedAtItsRateOrAtThatOf16Bits(String cluster, String id, double rate) {
        Format format = Format.named().stream().filter(f -> f.id().equals(id)).findFirst().orElseThrow();
        DeviceKind kind = Clusters.named(cluster).kinds().getFirst();
        OperationCost task = new OperationCost(
                Operation.PROJECTION, new OpCost(1_000_000, 1, 0), new OperationCost.Product(8, 4096, 4096), format);

        assertThat(kind.peakFlops(task)).isEqualTo(1e6 / rate, within(1e3));
        boolean measured = !cluster.startsWith("h20-") && format.half();
        assertThat(kind.factor(task, task.shape()) != 1).isEqualTo(measured);
        assertThat(kind.leastFactor(task)).isLessThanOrEqualTo(Math.min(1, kind.factor(task, task.shape())));
        assertThat(kind.kernelTimes(List.of(format), false).contains("; " + id)).isEqualTo(!format.half());
    }

    @ParameterizedTest
    @CsvSource({
        "deepseek-v3, 2, 5", "deepseek-v2, 0, 2", "kimi-k2, 0, 2", "gpt-oss-120b, 0, 2", "glm-4.5, 2, 4",
        "ernie-4.5-300b-a47b, 2, 4"
    })
    void familiesAreSimulatedInEveryStrategy(String preset, int from, int to) {
        ModelConfig config = layers(preset, from, to);
        for (Setup setup : List.of(
                Layout.tensorPipeline(8, 1).withMicroBatches(1), Layout.expertParallel(8).withMicroBatches(1),
                Layout.separated(4, 4).withMicroBatches(2))) {
            SimulationResult result = run(config, H200, setup, scenario(Format.FP8).withPrefill(256));
            assertThat(result.tpotMs()).isGreaterThanOrEqualTo(result.bounds().layoutMs());
            assertThat(result.bounds().layoutMs()).isGreaterThanOrEqualTo(result.bounds().clusterMs() * (1 - 1e-9));
            assertThat(result.use().memoryEfficiency()).isPositive().isLessThanOrEqualTo(1);
            assertThat(result.speed().ttftMs()).isPositive();
        }
    }

    @Test
    void fewerBitsTakeLessTimeWhereBytesCount() {
        Setup setup = Layout.expertParallel(8).withMicroBatches(1);
        ModelConfig config = layers("mixtral-8x7b", 0, 8);
        double before = Double.POSITIVE_INFINITY;
        for (Format format : List.of(Format.F32, Format.FP8, Format.INT4)) {
            double ms = run(config.withWeightFormat(format), H200, setup, scenario(Format.F16)).tpotMs();
            assertThat(ms).as(format.id()).isLessThan(before);
            before = ms;
        }
    }
}
