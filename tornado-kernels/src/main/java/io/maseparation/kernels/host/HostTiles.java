package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.HostWeights.FLOATS;
import static io.maseparation.kernels.host.HostWeights.LANES;
import static io.maseparation.kernels.host.HostWeights.ORDER;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * The loops of {@link HostDots} for many activation rows, and the memory of one thread that they work in: weights of a
 * group of outputs converted to fp32, and a vector of partial sums for each activation row and output.
 *
 * <p>A tile of three rows and eight outputs is 24 sums in registers, for eleven loads. Weights come from the
 * first-level cache and activations from the second: each vector of those is loaded for eight multiply-adds. Converted
 * weights begin at lines of the cache, since a load across two lines takes as long as two, and longer beside others
 * that meet the second-level cache; in arrays of the heap they begin where those happen to.
 *
 * <p>The loops call the methods that load and store vectors themselves: the JVM inlines those at any size of the
 * caller, but ours up to a limit only, beyond which every vector would be an object. Sums stay in an array of the heap,
 * since with twice 24 accesses to native memory its first compiler gives up, and the second begins seconds late.
 */
final class HostTiles {
    /** Outputs computed together. */
    private static final int GROUP = 8;
    /** Activation rows computed together. */
    private static final int TILE = 3;
    /** Columns of a group's converted weights, which stay in the first-level cache while all rows pass. */
    private static final int CHUNK = 1024;
    /** Bytes from one output's converted weights to the next. */
    private static final long STRIDE = 4L * CHUNK;
    /** Elements from the sums of one activation row to those of the next. */
    private static final int ROW = HostDots.OUTPUTS * LANES;
    /** Whether there are registers for 24 sums, as with vectors of 512 bits; otherwise twelve are kept at a time. */
    private static final boolean WIDE = LANES == 16;

    private static final long LINE = 64;

    private final MemorySegment weights = Arena.ofAuto().allocate(GROUP * STRIDE, LINE);
    private float[] sums = {};

    /** As {@link HostDots#block}. */
    void block(
            HostWeights w, int from, int to, MemorySegment x, long[] xAt, int rowFrom, int rowTo, float[] products) {
        int rows = rowTo - rowFrom;
        // A short last tile has sums for all of its rows.
        int padded = Math.ceilDiv(rows, TILE) * TILE;
        int outputs = to - from;
        int cols = w.cols();
        if (sums.length <= padded * ROW) {
            sums = new float[padded * ROW + LANES];
        }
        Arrays.fill(sums, 0, padded * ROW, 0f);
        for (int chunk = 0; chunk < cols; chunk += CHUNK) {
            int n = Math.min(CHUNK, cols - chunk);
            for (int o = 0; o < outputs; o += GROUP) {
                // Outputs beyond the last keep old weights; their sums are never read.
                for (int i = 0; i < GROUP && o + i < outputs; i++) {
                    w.unpack(w.byteOffset(from + o + i) + (long) chunk * w.type().bytes(), n, weights, i * STRIDE);
                }
                multiply(x, xAt, rowFrom, rowTo, 4L * chunk, n, o * LANES);
            }
        }
        for (int r = 0; r < rows; r++) {
            HostVectors.sums(sums, r * ROW, outputs, products, r * HostDots.OUTPUTS, 1);
        }
    }

    /** Adds {@code n} columns of a group of outputs and all rows. */
    private void multiply(MemorySegment x, long[] xAt, int rowFrom, int rowTo, long done, int n, int sumsAt) {
        int whole = FLOATS.loopBound(n);
        int at = sumsAt;
        for (int r = rowFrom; r < rowTo; r += TILE) {
            // A short last tile computes its last row again.
            long x0 = xAt[r] + done;
            long x1 = xAt[Math.min(r + 1, rowTo - 1)] + done;
            long x2 = xAt[Math.min(r + 2, rowTo - 1)] + done;
            if (WIDE) {
                threeByEight(weights, 0, x, x0, x1, x2, whole, sums, at);
            } else {
                threeByFour(weights, 0, x, x0, x1, x2, whole, sums, at);
                threeByFour(weights, 4 * STRIDE, x, x0, x1, x2, whole, sums, at + 4 * LANES);
            }
            at += TILE * ROW;
        }
        if (whole < n) {
            tail(x, xAt, rowFrom, rowTo, done, whole, n, sumsAt);
        }
    }

    /** The last columns, fewer than a vector. */
    private void tail(
            MemorySegment x, long[] xAt, int rowFrom, int rowTo, long done, int whole, int n, int sumsAt) {
        VectorMask<Float> mask = HostWeights.floatsBelow(n - whole);
        for (int r = rowFrom; r < rowTo; r++) {
            FloatVector xv = FloatVector.fromMemorySegment(FLOATS, x, xAt[r] + done + 4L * whole, ORDER, mask);
            for (int o = 0; o < GROUP; o++) {
                int at = sumsAt + (r - rowFrom) * ROW + o * LANES;
                FloatVector wv = FloatVector.fromMemorySegment(FLOATS, weights, o * STRIDE + 4L * whole, ORDER);
                wv.fma(xv, FloatVector.fromArray(FLOATS, sums, at)).intoArray(sums, at);
            }
        }
    }

    /** Adds {@code n} columns of three activation rows and eight outputs; {@code at} counts elements of the sums. */
    private static void threeByEight(
            MemorySegment w, long w0, MemorySegment x, long x0, long x1, long x2, int n, float[] sums, int at) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + LANES);
        FloatVector s02 = FloatVector.fromArray(FLOATS, sums, at + 2 * LANES);
        FloatVector s03 = FloatVector.fromArray(FLOATS, sums, at + 3 * LANES);
        FloatVector s04 = FloatVector.fromArray(FLOATS, sums, at + 4 * LANES);
        FloatVector s05 = FloatVector.fromArray(FLOATS, sums, at + 5 * LANES);
        FloatVector s06 = FloatVector.fromArray(FLOATS, sums, at + 6 * LANES);
        FloatVector s07 = FloatVector.fromArray(FLOATS, sums, at + 7 * LANES);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + ROW);
        FloatVector s11 = FloatVector.fromArray(FLOATS, sums, at + ROW + LANES);
        FloatVector s12 = FloatVector.fromArray(FLOATS, sums, at + ROW + 2 * LANES);
        FloatVector s13 = FloatVector.fromArray(FLOATS, sums, at + ROW + 3 * LANES);
        FloatVector s14 = FloatVector.fromArray(FLOATS, sums, at + ROW + 4 * LANES);
        FloatVector s15 = FloatVector.fromArray(FLOATS, sums, at + ROW + 5 * LANES);
        FloatVector s16 = FloatVector.fromArray(FLOATS, sums, at + ROW + 6 * LANES);
        FloatVector s17 = FloatVector.fromArray(FLOATS, sums, at + ROW + 7 * LANES);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW);
        FloatVector s21 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW + LANES);
        FloatVector s22 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW + 2 * LANES);
        FloatVector s23 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW + 3 * LANES);
        FloatVector s24 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW + 4 * LANES);
        FloatVector s25 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW + 5 * LANES);
        FloatVector s26 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW + 6 * LANES);
        FloatVector s27 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW + 7 * LANES);
        for (int k = 0; k < n; k += LANES) {
            long xk = 4L * k;
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, x, x0 + xk, ORDER);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, x, x1 + xk, ORDER);
            FloatVector a2 = FloatVector.fromMemorySegment(FLOATS, x, x2 + xk, ORDER);
            FloatVector v0 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk, ORDER);
            s00 = v0.fma(a0, s00);
            s10 = v0.fma(a1, s10);
            s20 = v0.fma(a2, s20);
            FloatVector v1 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk + STRIDE, ORDER);
            s01 = v1.fma(a0, s01);
            s11 = v1.fma(a1, s11);
            s21 = v1.fma(a2, s21);
            FloatVector v2 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk + 2 * STRIDE, ORDER);
            s02 = v2.fma(a0, s02);
            s12 = v2.fma(a1, s12);
            s22 = v2.fma(a2, s22);
            FloatVector v3 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk + 3 * STRIDE, ORDER);
            s03 = v3.fma(a0, s03);
            s13 = v3.fma(a1, s13);
            s23 = v3.fma(a2, s23);
            FloatVector v4 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk + 4 * STRIDE, ORDER);
            s04 = v4.fma(a0, s04);
            s14 = v4.fma(a1, s14);
            s24 = v4.fma(a2, s24);
            FloatVector v5 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk + 5 * STRIDE, ORDER);
            s05 = v5.fma(a0, s05);
            s15 = v5.fma(a1, s15);
            s25 = v5.fma(a2, s25);
            FloatVector v6 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk + 6 * STRIDE, ORDER);
            s06 = v6.fma(a0, s06);
            s16 = v6.fma(a1, s16);
            s26 = v6.fma(a2, s26);
            FloatVector v7 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk + 7 * STRIDE, ORDER);
            s07 = v7.fma(a0, s07);
            s17 = v7.fma(a1, s17);
            s27 = v7.fma(a2, s27);
        }
        s00.intoArray(sums, at);
        s01.intoArray(sums, at + LANES);
        s02.intoArray(sums, at + 2 * LANES);
        s03.intoArray(sums, at + 3 * LANES);
        s04.intoArray(sums, at + 4 * LANES);
        s05.intoArray(sums, at + 5 * LANES);
        s06.intoArray(sums, at + 6 * LANES);
        s07.intoArray(sums, at + 7 * LANES);
        s10.intoArray(sums, at + ROW);
        s11.intoArray(sums, at + ROW + LANES);
        s12.intoArray(sums, at + ROW + 2 * LANES);
        s13.intoArray(sums, at + ROW + 3 * LANES);
        s14.intoArray(sums, at + ROW + 4 * LANES);
        s15.intoArray(sums, at + ROW + 5 * LANES);
        s16.intoArray(sums, at + ROW + 6 * LANES);
        s17.intoArray(sums, at + ROW + 7 * LANES);
        s20.intoArray(sums, at + 2 * ROW);
        s21.intoArray(sums, at + 2 * ROW + LANES);
        s22.intoArray(sums, at + 2 * ROW + 2 * LANES);
        s23.intoArray(sums, at + 2 * ROW + 3 * LANES);
        s24.intoArray(sums, at + 2 * ROW + 4 * LANES);
        s25.intoArray(sums, at + 2 * ROW + 5 * LANES);
        s26.intoArray(sums, at + 2 * ROW + 6 * LANES);
        s27.intoArray(sums, at + 2 * ROW + 7 * LANES);
    }

    /** The same for four outputs. */
    private static void threeByFour(
            MemorySegment w, long w0, MemorySegment x, long x0, long x1, long x2, int n, float[] sums, int at) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + LANES);
        FloatVector s02 = FloatVector.fromArray(FLOATS, sums, at + 2 * LANES);
        FloatVector s03 = FloatVector.fromArray(FLOATS, sums, at + 3 * LANES);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + ROW);
        FloatVector s11 = FloatVector.fromArray(FLOATS, sums, at + ROW + LANES);
        FloatVector s12 = FloatVector.fromArray(FLOATS, sums, at + ROW + 2 * LANES);
        FloatVector s13 = FloatVector.fromArray(FLOATS, sums, at + ROW + 3 * LANES);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW);
        FloatVector s21 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW + LANES);
        FloatVector s22 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW + 2 * LANES);
        FloatVector s23 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROW + 3 * LANES);
        for (int k = 0; k < n; k += LANES) {
            long xk = 4L * k;
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, x, x0 + xk, ORDER);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, x, x1 + xk, ORDER);
            FloatVector a2 = FloatVector.fromMemorySegment(FLOATS, x, x2 + xk, ORDER);
            FloatVector v0 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk, ORDER);
            s00 = v0.fma(a0, s00);
            s10 = v0.fma(a1, s10);
            s20 = v0.fma(a2, s20);
            FloatVector v1 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk + STRIDE, ORDER);
            s01 = v1.fma(a0, s01);
            s11 = v1.fma(a1, s11);
            s21 = v1.fma(a2, s21);
            FloatVector v2 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk + 2 * STRIDE, ORDER);
            s02 = v2.fma(a0, s02);
            s12 = v2.fma(a1, s12);
            s22 = v2.fma(a2, s22);
            FloatVector v3 = FloatVector.fromMemorySegment(FLOATS, w, w0 + xk + 3 * STRIDE, ORDER);
            s03 = v3.fma(a0, s03);
            s13 = v3.fma(a1, s13);
            s23 = v3.fma(a2, s23);
        }
        s00.intoArray(sums, at);
        s01.intoArray(sums, at + LANES);
        s02.intoArray(sums, at + 2 * LANES);
        s03.intoArray(sums, at + 3 * LANES);
        s10.intoArray(sums, at + ROW);
        s11.intoArray(sums, at + ROW + LANES);
        s12.intoArray(sums, at + ROW + 2 * LANES);
        s13.intoArray(sums, at + ROW + 3 * LANES);
        s20.intoArray(sums, at + 2 * ROW);
        s21.intoArray(sums, at + 2 * ROW + LANES);
        s22.intoArray(sums, at + 2 * ROW + 2 * LANES);
        s23.intoArray(sums, at + 2 * ROW + 3 * LANES);
    }
}
