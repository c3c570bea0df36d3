package io.maseparation.parallel.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;
import io.maseparation.kernels.operations.Projection;
import io.maseparation.moe.Format;
import io.maseparation.moe.segments.OperationCost;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tables of a profile that was measured here: times of the very shapes, and the rate far from them. */
class ShapeTimesTest {
    private static final OperationRate RATE = new OperationRate(2e-6, 1e10, 1e12, 0);

    @TempDir
    Path folder;

    private static OperationCost product(int rows, int outputs, int inputs) {
        OpCost cost = Projection.cost(rows, outputs, inputs, DataType.F16);
        return new OperationCost(
                Operation.PROJECTION, cost, new OperationCost.Product(rows, outputs, inputs), Format.F16);
    }

    /** A curve that takes some times what the rate says, by rows. */
    private static ShapeTimes.Curve curve(int outputs, int inputs, Map<Integer, Double> factors) {
        List<ShapeTimes.Point> points = new ArrayList<>();
        factors.keySet().stream().sorted().forEach(rows -> {
            OpCost cost = product(rows, outputs, inputs).cost();
            double fit = RATE.launchSeconds() + RATE.workSeconds((double) cost.bytes(), (double) cost.flops(), 0);
            points.add(new ShapeTimes.Point(
                    rows, factors.getOrDefault(rows, 1.0) * fit, cost.bytes(), cost.flops()));
        });
        return new ShapeTimes.Curve(List.of(outputs, inputs), points);
    }

    private static DeviceKind kind(ShapeTimes.Curve... curves) {
        return new DeviceKind("measured", 1e9, Roofline.peak(1e10, 1e12), LaunchTimes.NONE, Double.NaN,
                Double.POSITIVE_INFINITY, 0, Map.of(Operation.PROJECTION, RATE.with(List.of(curves))));
    }

    private static double factor(DeviceKind kind, OperationCost task) {
        return kind.factor(task, (double) task.cost().bytes(), (double) task.cost().flops());
    }

    private static double seconds(DeviceKind kind, OperationCost task) {
        double factor = factor(kind, task);
        return kind.launchSeconds(task.operation(), Launch.GRAPH, factor) + factor * kind.workSeconds(
                task.operation(), (double) task.cost().bytes(), (double) task.cost().flops(), 0);
    }

    @Test
    void aMeasuredShapeTakesItsTime() {
        ShapeTimes.Curve curve = curve(512, 256, Map.of(1, 0.5, 4, 2.0, 64, 8.0));
        curve.points().forEach(p -> assertThat(seconds(kind(curve), product((int) p.size(), 512, 256)))
                .isEqualTo(p.seconds(), within(1e-6 * p.seconds())));
    }

    @Test
    void betweenMeasuredSizesItLiesOnAStraightLineOverLogarithms() {
        DeviceKind kind = kind(curve(512, 256, Map.of(1, 0.5, 4, 2.0, 64, 8.0)));
        assertThat(factor(kind, product(2, 512, 256))).isEqualTo(1, within(1e-6));
        assertThat(factor(kind, product(16, 512, 256))).isEqualTo(4, within(1e-6));
        assertThat(factor(kind, product(1000, 512, 256))).as("beyond the end").isEqualTo(8, within(1e-6));
    }

    /** Between two matrices the nearer one counts more; far from all of them the rate alone does. */
    @Test
    void otherShapesFadeIntoTheRate() {
        DeviceKind kind = kind(curve(512, 256, Map.of(1, 2.0)), curve(4096, 256, Map.of(1, 0.5)));
        assertThat(factor(kind, product(1, 600, 256))).isBetween(1.5, 2.0);
        assertThat(factor(kind, product(1, 3500, 256))).isBetween(0.5, 0.6);
        assertThat(factor(kind(curve(512, 256, Map.of(1, 4.0))), product(1, 8 * 512, 256))).as("as far as the rate")
                .isEqualTo(2, within(1e-3));
        assertThat(factor(kind(curve(512, 256, Map.of(1, 4.0))), product(1, 1 << 30, 1 << 30))).isBetween(1.0, 1.05);
    }

    @Test
    void theLeastFactorIsAtMostAnyFactor() {
        DeviceKind kind = kind(curve(512, 256, Map.of(1, 0.7, 8, 3.0)), curve(256, 256, Map.of(2, 1.5)));
        double least = kind.leastFactor(product(1, 512, 256));
        for (int rows = 1; rows < 100; rows++) {
            for (int outputs = 64; outputs < 10_000; outputs *= 2) {
                assertThat(factor(kind, product(rows, outputs, 256))).isGreaterThanOrEqualTo(least);
            }
        }
        assertThat(kind.withoutShapes().leastFactor(product(1, 512, 256))).isEqualTo(1);
    }

    @Test
    void aFileHasThemWhole() {
        Cluster one = Clusters.named("a100x1");
        Cluster written = one.withKinds(k -> kind(curve(512, 256, Map.of(1, 0.5, 4, 2.0))));
        Path file = folder.resolve("profile.json");
        ClusterFile.write(file, written, "a test");
        Cluster read = ClusterFile.read(file);
        OperationCost task = product(3, 512, 256);
        assertThat(factor(read.kinds().getFirst(), task))
                .isEqualTo(factor(written.kinds().getFirst(), task), within(1e-9));
        assertThat(read.kinds().getFirst().kernelTimes(List.of(Format.F16), false)).contains("by shape");
        assertThat(read.sources()).anyMatch(s -> s.contains("projection [512, 256]"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "\"outputs\": 512 | \"output\": 512 | outputs is missing",
        "\"outputs\": 512 | \"outputs\": 0 | outputs is 0, outside 1 to",
        "\"rows\": [1 | \"rows\": [5 | rows does not ascend",
        "\"rows\": [1 | \"rows\": [0 | rows does not ascend",
        "\"rows\": [1.0 | \"rows\": [\"x\" | rows",
        "\"us\": [ | \"us\": [-1, | us, bytes and flops are not lists of one length",
        "\"flops\": [ | \"flops\": [-1e300, | not lists of one length",
        "\"inputs\": 256, | \"inputs\": 256, \"heads\": 2, | 'heads' is not known here",
        "\"projection\" | \"rms-norm\" | times is for qkv-projection, decode-attention, projection, router"
    })
    void whatMakesNoSenseIsNamed(String from, String to, String message) throws IOException {
        Path file = folder.resolve("profile.json");
        ClusterFile.write(file, Clusters.named("a100x1").withKinds(
                k -> kind(curve(512, 256, Map.of(1, 0.5, 4, 2.0)))), "a test");
        String text = Files.readString(file).replaceAll("\\s+", " ").replace("[ ", "[");
        assertThat(text).contains(from);
        Files.writeString(file, text.replace(from, to));
        assertThatThrownBy(() -> ClusterFile.read(file))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(message)
                .hasMessageStartingWith(file.toString())
                .message().doesNotContain("\n");
    }
}
