package io.maseparation.parallel.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.kernels.Operation;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KernelFitTest {
    private static final DeviceKind KIND = new DeviceKind(
            "fitted", 1, new Roofline(1e12, 1e14, 1, 1, Map.of(
                    Operation.ROUTER, new KernelFit(5e-6, 0.5, 0.8, 2),
                    Operation.PROJECTION, new KernelFit(5e-7, 1, 1, 1)), Map.of(), KernelTables.NONE),
            new LaunchTimes(7e-6, 1e-6, 0), Double.NaN, Double.POSITIVE_INFINITY, 0, Map.of());

    @ParameterizedTest
    @CsvSource({
        // 3e6 bytes take 6 us at half of 1e12 a second, 6.4e8 operations 8 us at 0.8 of 1e14.
        "ROUTER, 3e6, 6.4e8, 10", "ROUTER, 3e6, 0, 6", "ROUTER, 0, 6.4e8, 8",
        "PROJECTION, 3e6, 4e8, 7", "RMS_NORM, 3e6, 4e8, 4"
    })
    void bytesAndOperationsOverlapInPart(Operation operation, double bytes, double flops, double microseconds) {
        assertThat(KIND.workSeconds(operation, bytes, flops, 0) * 1e6).isEqualTo(microseconds, within(1e-9));
    }

    @ParameterizedTest
    @CsvSource({
        "ROUTER, GRAPH, 5", "ROUTER, EAGER, 11", "PROJECTION, GRAPH, 1", "PROJECTION, EAGER, 7", "RMS_NORM, GRAPH, 1"
    })
    void aFixedPartHasTheGapBetweenKernelsInIt(Operation operation, Launch launch, double microseconds) {
        assertThat(KIND.launchSeconds(operation, launch, 1) * 1e6).isEqualTo(microseconds, within(1e-9));
    }

    @Test
    void timesThatAreNotConvexAreRefused() {
        assertThatThrownBy(() -> new KernelFit(0, 1, 1, 0.9)).isInstanceOf(IllegalArgumentException.class);
    }

    /**
     * A layer of Mixtral's experts on one A100 with each token at two of eight of them, as SGLang was measured: from
     * 129 tokens on the longer of bytes and operations alone is a third to a half too short.
     */
    @ParameterizedTest
    @CsvSource({"8, 1636.2", "256, 2908.2", "512, 3732.3", "1024, 6170.8"})
    void expertsOfMixtralTakeAboutAsLongAsMeasured(int tokens, double microseconds) {
        DeviceKind kind = Clusters.named("a100x1").kinds().getFirst();
        double pairs = 2 * tokens;
        double matrix = 4096.0 * 14336;
        double activations = 2 * pairs * (4096 + 14336);
        double seconds = kind.launchSeconds(Operation.EXPERT_UP, Launch.GRAPH, 1)
                + kind.launchSeconds(Operation.EXPERT_DOWN, Launch.GRAPH, 1)
                + kind.workSeconds(Operation.EXPERT_UP, 8 * 2 * 2 * matrix + activations, 4 * pairs * matrix, 0)
                + kind.workSeconds(Operation.EXPERT_DOWN, 8 * 2 * matrix + activations, 2 * pairs * matrix, 0);
        assertThat(seconds * 1e6 / microseconds).isBetween(0.8, 1.25);
    }
}
