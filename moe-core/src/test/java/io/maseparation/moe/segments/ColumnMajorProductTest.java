package io.maseparation.moe.segments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.operations.DeviceLibrary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ColumnMajorProductTest {
    @ParameterizedTest
    @CsvSource({"1, 1, 1, 1, 1, 1", "1, 5, 3, 3, 3, 5", "4, 3, 7, 7, 7, 3", "3, 8, 2, 5, 4, 11", "7, 2, 6, 6, 9, 2"})
    void aColumnMajorProductIsTheRowMajorOne(int rows, int outputs, int cols, int wStride, int xStride, int outStride) {
        double[] w = numbers(outputs * wStride, 3);
        double[] x = numbers(rows * xStride, 5);
        double[] out = new double[rows * outStride];
        multiply(ColumnMajorProduct.ofRows(rows, outputs, cols, wStride, xStride, outStride), w, x, out);

        double[] expected = new double[rows * outStride];
        for (int row = 0; row < rows; row++) {
            for (int r = 0; r < outputs; r++) {
                for (int c = 0; c < cols; c++) {
                    expected[row * outStride + r] += w[r * wStride + c] * x[row * xStride + c];
                }
            }
        }
        assertThat(out).isEqualTo(expected);
    }

    /** BLAS's definition, as the library has it. */
    private static void multiply(ColumnMajorProduct p, double[] a, double[] b, double[] c) {
        for (int i = 0; i < p.m(); i++) {
            for (int j = 0; j < p.n(); j++) {
                double sum = 0;
                for (int l = 0; l < p.k(); l++) {
                    double left = p.transposedA() ? a[l + i * p.lda()] : a[i + l * p.lda()];
                    double right = p.transposedB() ? b[j + l * p.ldb()] : b[l + j * p.ldb()];
                    sum += left * right;
                }
                c[i + j * p.ldc()] = sum;
            }
        }
    }

    private static double[] numbers(int n, int seed) {
        double[] numbers = new double[n];
        for (int i = 0; i < n; i++) {
            numbers[i] = (i * 37 + seed) % 101 - 50;
        }
        return numbers;
    }

    @Test
    void whatLeadingDimensionsAre() {
        assertThat(ColumnMajorProduct.ofRows(24, 12288, 4096, 4096, 4096, 12288))
                .isEqualTo(new ColumnMajorProduct(true, false, 12288, 24, 4096, 4096, 4096, 12288));
    }

    @Test
    void numbersOfACallAreTheProduct() {
        ColumnMajorProduct product = new ColumnMajorProduct(true, false, 2, 3, 4, 5, 6, 7);
        Object[] arguments = new Object[2 + ColumnMajorProduct.NUMBERS];
        System.arraycopy(product.numbers(), 0, arguments, 2, ColumnMajorProduct.NUMBERS);
        DeviceLibrary.Call call = new DeviceLibrary.Call(0, arguments, new long[arguments.length]);

        assertThat(ColumnMajorProduct.of(call, 2)).isEqualTo(product);
    }

    @ParameterizedTest
    @CsvSource({"0, 2, 2, 2, 2, 2", "2, 0, 2, 2, 2, 2", "2, 2, 0, 2, 2, 2", "2, 2, 2, 1, 2, 2", "2, 2, 2, 2, 1, 2",
        "2, 2, 2, 2, 2, 1"})
    void rowsMustNotLieOverEachOther(int rows, int outputs, int cols, int wStride, int xStride, int outStride) {
        assertThatThrownBy(() -> ColumnMajorProduct.ofRows(rows, outputs, cols, wStride, xStride, outStride))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("%d rows".formatted(rows));
    }
}
