package uk.ac.manchester.tornado.api;

import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Which lane of a warp holds which elements of the matrices of {@link KernelContext#mma}, as the PTX instruction set
 * defines it for m16n8k16. Lane l holds rows l / 4 and l / 4 + 8 of the result, and column l / 4 of the right operand.
 * Of the left operand it holds what it loads; a device hands that on when it loads.
 */
final class MatrixFragments {
    /** Sums of 16 products. */
    private static final int K = 16;

    private MatrixFragments() {}

    /**
     * The 8 elements that a lane loads for all, as the instruction {@code ldmatrix} has it: of the quarter l / 8 (upper
     * rows, lower rows, and the same of the upper k) row l % 8, at this lane's own offset.
     */
    static HalfFloat[] loadA(int[] tile, int byteOffset, int lane) {
        requireAligned(byteOffset);
        int quarter = lane / 8;
        int first = byteOffset / 4 + (quarter % 2 * 8 + lane % 8) * (K / 2) + quarter / 2 * 4;
        HalfFloat[] row = new HalfFloat[8];
        for (int i = 0; i < row.length; i++) {
            int both = tile[first + i / 2];
            row[i] = new HalfFloat((short) (i % 2 == 0 ? both : both >>> 16));
        }
        return row;
    }

    /** Elements (k, l/4), pairs along k: the lower k, then the upper. */
    static HalfFloat[] loadB(int[] tile, int byteOffset, int lane) {
        requireAligned(byteOffset);
        HalfFloat[] fragment = new HalfFloat[4];
        int column = lane / 4;
        for (int i = 0; i < fragment.length; i++) {
            int k = lane % 4 * 2 + i % 2 + i / 2 * 8;
            int both = tile[byteOffset / 4 + k * 4 + column / 2];
            fragment[i] = new HalfFloat((short) (column % 2 == 0 ? both : both >>> 16));
        }
        return fragment;
    }

    /** As {@link #loadB}, of a swizzled tile. */
    static HalfFloat[] loadBSwizzled(HalfFloat[] tile, int byteOffset, int lane) {
        requireAligned(byteOffset);
        HalfFloat[] fragment = new HalfFloat[4];
        for (int i = 0; i < fragment.length; i++) {
            int k = lane % 4 * 2 + i % 2 + i / 2 * 8;
            // Bits 7 to 9 of the byte offset turn bits 4 to 6; a row of 8 halves has 16 bytes.
            int bytes = k * 16;
            bytes ^= ((bytes >> 7) & 7) << 4;
            fragment[i] = tile[byteOffset / 2 + bytes / 2 + lane / 4];
        }
        return fragment;
    }

    private static void requireAligned(int byteOffset) {
        if (byteOffset % 16 != 0) {
            throw new IllegalArgumentException(
                    "a matrix begins at byte " + byteOffset + ", which is not a multiple of 16");
        }
    }

    /** A lane's share of A · B + C, from the shares of all lanes. */
    static float[] multiply(HalfFloat[][] a, HalfFloat[][] b, float[] c, int lane) {
        float[] d = new float[4];
        for (int i = 0; i < d.length; i++) {
            int column = lane % 4 * 2 + i % 2;
            double sum = c[i];
            for (int k = 0; k < K; k++) {
                // The lane that loaded this k of the row, and of the column's four lanes the one that holds it.
                HalfFloat left = a[(k / 8 * 2 + i / 2) * 8 + lane / 4][k % 8];
                HalfFloat right = b[column * 4 + k % 8 / 2][k / 8 * 2 + k % 2];
                sum += (double) left.getFloat32() * right.getFloat32();
            }
            d[i] = (float) sum;
        }
        return d;
    }

    static void store(float[] d, FloatArray to, int tileRow, int tileCol, int dimN, int lane) {
        for (int i = 0; i < d.length; i++) {
            int row = tileRow + lane / 4 + i / 2 * 8;
            int column = tileCol + lane % 4 * 2 + i % 2;
            to.set(row * dimN + column, d[i]);
        }
    }
}
