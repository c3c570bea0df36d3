package io.maseparation.moe.segments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.segments.MultiplicationProbe.Way;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Without a library, which no device of the embedded runtime has. */
class MultiplicationProbeTest {
    private static final ProbeMatrices MATRICES = new ProbeMatrices(48, 66, 3);

    private static MultiplicationProbe probe(int products) {
        return new MultiplicationProbe(Device.all().getFirst(), MATRICES, 5, Way.KERNELS, products, Optional.empty());
    }

    @Test
    void whatTheLastProductLeavesIsHeldAgainstFloat64() {
        for (int products : new int[] {1, 2, 3, 7}) {
            try (MultiplicationProbe probe = probe(products)) {
                assertThat(probe.result().error()).isLessThan(1e-5);
                assertThat(probe.micros()).isPositive();
            }
        }
    }

    @Test
    void anotherMatrixOrOtherRowsShow() {
        // 1 and 4 have one matrix and other rows, 1 and 3 the rows and another matrix, 1 and 7 both.
        try (MultiplicationProbe first = probe(1);
                MultiplicationProbe rows = probe(4);
                MultiplicationProbe matrix = probe(3);
                MultiplicationProbe same = probe(7)) {
            MultiplicationProbe.Result result = first.result();
            assertThat(result.difference(rows.result())).isGreaterThan(0.5);
            assertThat(result.difference(matrix.result())).isGreaterThan(0.5);
            assertThat(result.difference(same.result())).isZero();
        }
    }

    @Test
    void float64IsOfWhatTheOperandsAre() {
        double exact = MATRICES.exact(1, 0, 2, 3, false);
        double rounded = MATRICES.exact(1, 0, 2, 3, true);

        assertThat(rounded).isNotEqualTo(exact).isCloseTo(exact, within(0.01));
    }

    @Test
    void librariesGetTheSameNumbersFromAlignedPlaces() {
        WeightMatrix matrix = MATRICES.matrix(2);
        for (int i : new int[] {0, 1, 48 * 66 - 1}) {
            assertThat(MATRICES.aligned().getSegment().getAtIndex(ValueLayout.JAVA_SHORT, MATRICES.place(2) + i))
                    .isEqualTo(matrix.data().getSegment().getAtIndex(ValueLayout.JAVA_SHORT, matrix.offset() + i));
        }
        // After TornadoVM's header of 16 bytes.
        assertThat((16 + 2 * MATRICES.place(0)) % 256).isZero();
        int x = ProbeMatrices.LEAD_BYTES / 2 + 67;
        assertThat(MATRICES.halves(1, 2).getSegment().getAtIndex(ValueLayout.JAVA_SHORT, x))
                .isEqualTo(Float.floatToFloat16(MATRICES.x(1, 2).get(67)));
    }

    @Test
    void tasksOfLibrariesAreForTornadoVm() {
        assertThatThrownBy(() -> new MultiplicationProbe(
                Device.all().getFirst(), MATRICES, 5, new Way("a/library", "function"), 2, Optional.empty()))
                .isInstanceOf(LinkageError.class)
                .hasMessageContaining("CUDA backend");
    }
}
