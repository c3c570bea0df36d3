package uk.ac.manchester.tornado.api;

import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Which lane of a warp holds which elements of the matrices of {@link KernelContext#mma}, as the PTX instruction set
 * defines it for m16n8k16. Lane l holds rows l / 4 and l / 4 + 8 of the left operand and of the result, and column l /
 * 4 of the right operand.
 */
final class MatrixFragments {
    /** Sums of 16 products. */
    private static final int K = 16;

    private MatrixFragments() {}

    /** Elements (row, k), pairs along k: rows l/4 and l/4+8 for the lower k, then for the upper. */
    static HalfFloat[] loadA(int[] tile, int byteOffset, int lane) {
        requireAligned(byteOffset);
        HalfFloat[] fragment = new HalfFloat[8];
        for (int i = 0; i < fragment.length; i++) {
            int row = lane / 4 + (i / 2 % 2) * 8;
            int pair = lane % 4 + i / 4 * 4;
            int both = tile[byteOffset / 4 + row * (K / 2) + pair];
            fragment[i] = new HalfFloat((short) (i % 2 == 0 ? both : both >>> 16));
        }
        return fragment;
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
                // Of the row's four lanes the one that holds this k, and of the column's four likewise.
                int holder = k % 8 / 2;
                HalfFloat left = a[lane / 4 * 4 + holder][k / 8 * 4 + i / 2 * 2 + k % 2];
                HalfFloat right = b[column * 4 + holder][k / 8 * 2 + k % 2];
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
