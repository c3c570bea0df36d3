package io.maseparation.parallel.cublas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.files.ModelException;
import io.maseparation.moe.Presets;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.cublas.CublasCheck.Errors;
import io.maseparation.parallel.cublas.CublasCheck.Outcome;
import io.maseparation.parallel.cublas.CublasCheck.Shape;
import io.maseparation.parallel.cublas.CublasCheck.Times;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CublasCheckTest {
    private static final List<Shape> SEED = CublasShapes.of(Presets.config("seed"));

    @Test
    void shapesAreTheModels() {
        assertThat(SEED).containsExactly(
                new Shape("q, k, v", 12288, 4096),
                new Shape("output", 4096, 4096),
                new Shape("LM head", 32000, 4096),
                new Shape("expert", 16384, 4096));
        // Fewer heads for keys and values than for queries.
        assertThat(CublasShapes.of(Presets.config("qwen3-30b-a3b"))).containsExactly(
                new Shape("q, k, v", 32 * 128 + 2 * 4 * 128, 2048),
                new Shape("output", 2048, 4096),
                new Shape("LM head", 151936, 2048),
                new Shape("expert", 768, 2048));
    }

    @Test
    void weightsThatTakeTurnsAreSeveralTimesACache() {
        assertThat(SEED).allSatisfy(shape -> {
            int copies = CublasCheck.copies(shape);
            assertThat(copies).isBetween(2, 24);
            assertThat(copies * shape.bytes()).isBetween(400L << 20, 550L << 20);
        });
        assertThat(CublasCheck.copies(new Shape("small", 16, 16))).isEqualTo(24);
    }

    @Test
    void onlyTensorCoresOfTornadoVmsCudaBackendWillDo() {
        Device embedded = Device.all().getFirst();
        assertThatThrownBy(() -> CublasCheck.run(embedded, SEED, done -> {}))
                .isInstanceOf(ModelException.class)
                .hasMessageStartingWith("it works on arrays of TornadoVM's CUDA backend, and the backend here is ");
    }

    @Test
    void onlyKernelsOfTensorCoresAreMeasuredAndOnlyWhatNoCacheHolds() {
        assertThat(CublasCheck.refusal(true, SEED)).isEmpty();
        assertThat(CublasCheck.refusal(false, SEED)).get().asString().contains("those of tensor cores");
        assertThat(CublasCheck.refusal(true, CublasShapes.of(Presets.config("tiny")))).get().asString()
                .startsWith("24 matrices of ").contains("would stay in the device's cache");
    }

    @Test
    void whatIsWrongIsNamedAndNoNumberIsWrong() {
        assertThat(CublasCheck.failure(new Errors(1e-4, 1e-5, 1e-4, 2e-4))).isEmpty();
        for (double wrong : new double[] {0.1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThat(CublasCheck.failure(new Errors(wrong, 0, 0, 0))).get().asString()
                    .startsWith("kernels with x in fp16 are off by");
            assertThat(CublasCheck.failure(new Errors(0, wrong, 0, 0))).get().asString()
                    .startsWith("kernels are off by");
            assertThat(CublasCheck.failure(new Errors(0, 0, wrong, 0))).get().asString().startsWith("cuBLAS is off by");
            assertThat(CublasCheck.failure(new Errors(0, 0, 0, wrong))).get().asString()
                    .startsWith("kernels and cuBLAS differ by");
        }
    }

    @Test
    void bytesAndOperationsAreThoseOfTheProduct() {
        Outcome outcome = new Outcome(
                new Shape("a", 10, 20), 3, 2, new Times(1, 1, 1), new Errors(0, 0, 0, 0), Optional.empty());

        assertThat(outcome.bytes()).isEqualTo(2 * 10 * 20 + 2 * 3 * 20 + 4 * 3 * 10);
        assertThat(outcome.flops()).isEqualTo(2 * 10 * 20 * 3);
        assertThat(CublasCheck.count(4)).isEqualTo(28);
    }
}
