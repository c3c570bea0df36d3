package io.maseparation.moe;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.operations.KernelTarget;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

class WeightConversionTest {
    private static final Path BF16 = Path.of("src/test/resources/golden/mixtral/bf16");

    private static KernelTarget target(boolean fp16, boolean bf16) {
        return new KernelTarget("device", false, false, true, fp16, bf16, TornadoVMBackendType.OPENCL, false, false,
                false, Optional.empty());
    }

    @Test
    void weightsThatTheDeviceReadsStayAsTheyAre() {
        try (Checkpoint checkpoint = Checkpoint.open(BF16)) {
            ModelWeights weights = checkpoint.weights();
            assertThat(WeightConversion.readableBy(List.of(target(true, true)), weights)).isSameAs(weights);
        }
    }

    @Test
    void bf16BecomesFp16OrElseFp32WithTheSameValues() {
        try (Checkpoint checkpoint = Checkpoint.open(BF16)) {
            ModelWeights weights = checkpoint.weights();
            for (DataType type : List.of(DataType.F16, DataType.F32)) {
                ModelWeights converted =
                        WeightConversion.readableBy(List.of(target(type == DataType.F16, false)), weights);
                assertThat(converted.config().weightType()).isEqualTo(type);
                assertThat(converted.layers().getFirst().attention().q().type()).isEqualTo(type);
                ExactMatrix before = new ExactMatrix(weights.layers().getLast().experts().getLast().down());
                ExactMatrix after = new ExactMatrix(converted.layers().getLast().experts().getLast().down());
                for (int row = 0; row < 5; row++) {
                    for (int col = 0; col < 50; col++) {
                        // fp16 has three more bits of fraction; what is below its normal range loses some.
                        assertThat(after.get(row, col)).isCloseTo(
                                before.get(row, col), org.assertj.core.data.Offset.offset(0x1p-25));
                    }
                }
                double[] x = new double[converted.config().hidden()];
                assertThat(new ExactMatrix(converted.embedding()).row(3)).hasSameSizeAs(x);
            }
        }
    }
}
