package io.maseparation.parallel.cublas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.operations.DeviceLibrary;
import io.maseparation.moe.segments.ColumnMajorProduct;
import io.maseparation.moe.segments.MultiplicationProbe;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** With a multiplier that does on the host what cuBLAS says it does on a device. */
@SuppressWarnings("restricted")
class CublasTasksTest {
    private static final int ROWS = 3;
    private static final int OUTPUTS = 5;
    private static final int COLS = 7;

    /** Column-major, by BLAS's definition, on addresses. */
    private static final class HostMultiplier implements Multiplier {
        final List<Operands> calls = new ArrayList<>();
        long stream;

        @Override
        public void multiply(ColumnMajorProduct p, Operands at, long onStream) {
            calls.add(at);
            stream = onStream;
            for (int i = 0; i < p.m(); i++) {
                for (int j = 0; j < p.n(); j++) {
                    float sum = 0;
                    for (int l = 0; l < p.k(); l++) {
                        sum += half(at.a(), p.transposedA() ? l + i * p.lda() : i + l * p.lda())
                                * half(at.b(), p.transposedB() ? j + l * p.ldb() : l + j * p.ldb());
                    }
                    MemorySegment.ofAddress(at.c()).reinterpret(1 << 20)
                            .setAtIndex(ValueLayout.JAVA_FLOAT, i + j * p.ldc(), sum);
                }
            }
        }

        private static float half(long address, int index) {
            return Float.float16ToFloat(MemorySegment.ofAddress(address).reinterpret(1 << 20)
                    .getAtIndex(ValueLayout.JAVA_SHORT, index));
        }

        @Override
        public void close() {
            calls.clear();
        }
    }

    @Test
    void aTaskIsTheRowMajorProductOfArraysOnTheDevice() {
        try (Arena arena = Arena.ofConfined(); HostMultiplier multiplier = new HostMultiplier()) {
            MemorySegment w = halves(arena, 11 + OUTPUTS * COLS, 1);
            MemorySegment x = halves(arena, 4 + ROWS * COLS, 2);
            MemorySegment out = arena.allocate(4L * (2 + ROWS * OUTPUTS), 8);
            long workspace = 4096 + 16;
            ColumnMajorProduct product = ColumnMajorProduct.ofRows(ROWS, OUTPUTS, COLS, COLS, COLS, OUTPUTS);
            Object[] arguments = {"w", "x", "out", "workspace", 11, 4, 2, 1, 0, product.m(), product.n(), product.k(),
                product.lda(), product.ldb(), product.ldc()};
            long[] addresses = new long[arguments.length];
            addresses[0] = w.address();
            addresses[1] = x.address();
            addresses[2] = out.address();
            addresses[3] = workspace;
            new CublasTasks(multiplier).enqueue("multiply", new DeviceLibrary.Call(77, arguments, addresses));

            for (int row = 0; row < ROWS; row++) {
                for (int r = 0; r < OUTPUTS; r++) {
                    float sum = 0;
                    for (int c = 0; c < COLS; c++) {
                        sum += at(w, 11 + r * COLS + c) * at(x, 4 + row * COLS + c);
                    }
                    assertThat(out.getAtIndex(ValueLayout.JAVA_FLOAT, 2 + row * OUTPUTS + r)).isEqualTo(sum);
                }
            }
            // Nothing before.
            assertThat(out.getAtIndex(ValueLayout.JAVA_FLOAT, 1)).isZero();
            assertThat(multiplier.stream).isEqualTo(77);
            Multiplier.Operands call = multiplier.calls.getFirst();
            assertThat(call.workspace()).isEqualTo(4096 + 256);
            assertThat(call.workspace() + call.workspaceBytes())
                    .isEqualTo(workspace + MultiplicationProbe.WORKSPACE_BYTES);
        }
    }

    private static MemorySegment halves(Arena arena, int n, int seed) {
        MemorySegment halves = arena.allocate(2L * n, 8);
        for (int i = 0; i < n; i++) {
            halves.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16((i * 13 + seed) % 17 - 8));
        }
        return halves;
    }

    private static float at(MemorySegment halves, int index) {
        return Float.float16ToFloat(halves.getAtIndex(ValueLayout.JAVA_SHORT, index));
    }

    @Test
    void anotherFunctionIsRefused() {
        DeviceLibrary.Call call = new DeviceLibrary.Call(0, new Object[0], new long[0]);
        try (HostMultiplier multiplier = new HostMultiplier()) {
            assertThatThrownBy(() -> new CublasTasks(multiplier).enqueue("divide", call))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("no function divide");
        }
    }
}
