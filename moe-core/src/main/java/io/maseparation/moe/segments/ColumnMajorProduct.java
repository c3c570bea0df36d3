package io.maseparation.moe.segments;

import io.maseparation.kernels.operations.DeviceLibrary;

/**
 * How a library whose matrices are column-major is asked for a product of row-major ones,
 * {@code out[row, r] = Σ w[r, c] · x[row, c]}.
 *
 * <p>Row-major memory of [rows, columns] is column-major memory of [columns, rows] with the same distance from one to
 * the next. So what is in memory is, to the library, wᵀ, xᵀ and outᵀ, and outᵀ = w · xᵀ: of its two factors the first
 * is wᵀ turned round, the second xᵀ as it is. In BLAS's words C = op(A) · op(B), where C has m rows and n columns and
 * sums have k products.
 *
 * @param transposedA whether op(A) is A turned round
 * @param transposedB whether op(B) is B turned round
 * @param m rows of C
 * @param n columns of C
 * @param k products of a sum
 * @param lda elements from one column of A to the next
 * @param ldb elements from one column of B to the next
 * @param ldc elements from one column of C to the next
 */
public record ColumnMajorProduct(
        boolean transposedA, boolean transposedB, int m, int n, int k, int lda, int ldb, int ldc) {
    /** How many numbers say all of it. */
    static final int NUMBERS = 8;

    /**
     * {@return the call for row-major matrices}
     *
     * @param rows rows of x and out
     * @param outputs rows of w, columns of out
     * @param cols columns of w and x
     * @param wStride elements from one row of w to the next
     * @param xStride elements from one row of x to the next
     * @param outStride elements from one row of out to the next
     * @throws IllegalArgumentException if a matrix has no elements, or its rows lie over each other
     */
    public static ColumnMajorProduct ofRows(int rows, int outputs, int cols, int wStride, int xStride, int outStride) {
        if (rows < 1 || outputs < 1 || cols < 1 || wStride < cols || xStride < cols || outStride < outputs) {
            throw new IllegalArgumentException("%d rows of %d times %d outputs, %d, %d and %d apart"
                    .formatted(rows, cols, outputs, xStride, wStride, outStride));
        }
        return new ColumnMajorProduct(true, false, outputs, rows, cols, wStride, xStride, outStride);
    }

    /** The numbers that {@link #of} takes. */
    Object[] numbers() {
        return new Object[] {transposedA ? 1 : 0, transposedB ? 1 : 0, m, n, k, lda, ldb, ldc};
    }

    /**
     * {@return the product that a call of a library is for}
     *
     * @param call its numbers
     * @param at place of the first of them
     */
    public static ColumnMajorProduct of(DeviceLibrary.Call call, int at) {
        return new ColumnMajorProduct(
                call.number(at) == 1, call.number(at + 1) == 1, call.number(at + 2), call.number(at + 3),
                call.number(at + 4), call.number(at + 5), call.number(at + 6), call.number(at + 7));
    }
}
