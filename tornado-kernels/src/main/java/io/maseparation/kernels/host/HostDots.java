package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.HostWeights.FLOATS;
import static io.maseparation.kernels.host.HostWeights.LANES;
import static io.maseparation.kernels.host.HostWeights.ORDER;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Dot products of weight rows with activation rows, for one thread of a host body.
 *
 * <p>Every dot product is summed in one order, which only the number of columns decides: lane i of one vector adds
 * columns i, i + LANES, i + 2 LANES, … with fused multiply-adds, a short last vector filled up with zeros, and then the
 * lanes are added in halves. One activation row alone and many of them together take different loops but that same
 * order, so that a batch never changes a result.
 */
final class HostDots {
    /** Most outputs of one call of {@link #block}; the stride of its result. */
    static final int OUTPUTS = 16;
    /** Most activation rows of one call of {@link #block}. */
    static final int ROWS = 96;

    /** Outputs computed together. Four chains of multiply-adds hide their latency. */
    private static final int GROUP = 4;
    /** Columns of converted weights held at a time: with those of a group of outputs, in the first-level cache. */
    private static final int CHUNK = 1024;

    /** Up to this many activation rows, weights are converted for two rows at a time, straight from memory. */
    private static final int FEW = 4;

    private final float[] lanes = new float[GROUP * LANES];
    /** Empty until it is needed, as is the next. */
    private float[] weights = {};

    private float[] accumulators = {};

    /**
     * Dot products of up to {@link #OUTPUTS} weight rows with up to {@link #ROWS} activation rows.
     *
     * @param w weights, [outputs, cols]
     * @param from first weight row
     * @param to end of the weight rows
     * @param x fp32 activations
     * @param xAt position of each activation row in {@code x}, in bytes
     * @param rowFrom first entry of {@code xAt}
     * @param rowTo end of the entries of {@code xAt}
     * @param sums receives the product of weight row o and activation row r at
     *     {@code (r - rowFrom) * OUTPUTS + o - from}
     */
    void block(
            HostWeights w, int from, int to, MemorySegment x, long[] xAt, int rowFrom, int rowTo, float[] sums) {
        if (rowTo - rowFrom == 1) {
            oneRow(w, from, to, x, xAt[rowFrom], sums);
        } else if (rowTo - rowFrom <= FEW) {
            fewRows(w, from, to, x, xAt, rowFrom, rowTo, sums);
        } else {
            manyRows(w, from, to, x, xAt, rowFrom, rowTo, sums);
        }
    }

    /** Weights are read once, straight from memory. */
    private void oneRow(HostWeights w, int from, int to, MemorySegment x, long x0, float[] sums) {
        int cols = w.cols();
        int whole = FLOATS.loopBound(cols);
        MemorySegment segment = w.segment();
        for (int o = from; o < to; o += GROUP) {
            // A short last group computes its last output again.
            long w0 = w.byteOffset(o);
            long w1 = w.byteOffset(Math.min(o + 1, to - 1));
            long w2 = w.byteOffset(Math.min(o + 2, to - 1));
            long w3 = w.byteOffset(Math.min(o + 3, to - 1));
            switch (w.type()) {
                case F32 -> rowF32(segment, w0, w1, w2, w3, x, x0, whole, lanes);
                case F16 -> {
                    rowF16(segment, w0, w1, x, x0, whole, lanes, 0);
                    rowF16(segment, w2, w3, x, x0, whole, lanes, 2 * LANES);
                }
                case BF16 -> rowBf16(segment, w0, w1, w2, w3, x, x0, whole, lanes);
            }
            if (whole < cols) {
                FloatVector xv = FloatVector.fromMemorySegment(
                        FLOATS, x, x0 + 4L * whole, ORDER, HostWeights.floatsBelow(cols - whole));
                long done = (long) whole * w.type().bytes();
                addTail(w.tail(w0 + done, cols - whole), xv, 0);
                addTail(w.tail(w1 + done, cols - whole), xv, 1);
                addTail(w.tail(w2 + done, cols - whole), xv, 2);
                addTail(w.tail(w3 + done, cols - whole), xv, 3);
            }
            for (int i = 0; i < GROUP && o + i < to; i++) {
                sums[o - from + i] = HostVectors.sum(FloatVector.fromArray(FLOATS, lanes, i * LANES));
            }
        }
    }

    private void addTail(FloatVector wv, FloatVector xv, int i) {
        FloatVector sum = FloatVector.fromArray(FLOATS, lanes, i * LANES);
        wv.fma(xv, sum).intoArray(lanes, i * LANES);
    }

    private static void rowF32(
            MemorySegment w, long w0, long w1, long w2, long w3, MemorySegment x, long x0, int n, float[] lanes) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int k = 0; k < n; k += LANES) {
            FloatVector xv = FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * k, ORDER);
            long at = 4L * k;
            s0 = HostWeights.f32(w, w0 + at).fma(xv, s0);
            s1 = HostWeights.f32(w, w1 + at).fma(xv, s1);
            s2 = HostWeights.f32(w, w2 + at).fma(xv, s2);
            s3 = HostWeights.f32(w, w3 + at).fma(xv, s3);
        }
        store(s0, s1, s2, s3, lanes);
    }

    /** Two outputs only: with four, C2 runs into its limit on inlining and boxes vectors. */
    private static void rowF16(
            MemorySegment w, long w0, long w1, MemorySegment x, long x0, int n, float[] lanes, int at) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        for (int k = 0; k < n; k += LANES) {
            FloatVector xv = FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * k, ORDER);
            s0 = HostWeights.f16(w, w0 + 2L * k).fma(xv, s0);
            s1 = HostWeights.f16(w, w1 + 2L * k).fma(xv, s1);
        }
        s0.intoArray(lanes, at);
        s1.intoArray(lanes, at + LANES);
    }

    private static void rowBf16(
            MemorySegment w, long w0, long w1, long w2, long w3, MemorySegment x, long x0, int n, float[] lanes) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int k = 0; k < n; k += LANES) {
            FloatVector xv = FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * k, ORDER);
            long at = 2L * k;
            s0 = HostWeights.bf16(w, w0 + at).fma(xv, s0);
            s1 = HostWeights.bf16(w, w1 + at).fma(xv, s1);
            s2 = HostWeights.bf16(w, w2 + at).fma(xv, s2);
            s3 = HostWeights.bf16(w, w3 + at).fma(xv, s3);
        }
        store(s0, s1, s2, s3, lanes);
    }

    private static void store(FloatVector s0, FloatVector s1, FloatVector s2, FloatVector s3, float[] lanes) {
        s0.intoArray(lanes, 0);
        s1.intoArray(lanes, LANES);
        s2.intoArray(lanes, 2 * LANES);
        s3.intoArray(lanes, 3 * LANES);
    }

    /** Two outputs and two activation rows at a time; a missing second one is a copy of the first. */
    private void fewRows(
            HostWeights w, int from, int to, MemorySegment x, long[] xAt, int rowFrom, int rowTo, float[] sums) {
        int cols = w.cols();
        int whole = FLOATS.loopBound(cols);
        MemorySegment segment = w.segment();
        for (int o = from; o < to; o += 2) {
            long w0 = w.byteOffset(o);
            long w1 = w.byteOffset(Math.min(o + 1, to - 1));
            for (int r = rowFrom; r < rowTo; r += 2) {
                long x0 = xAt[r];
                long x1 = xAt[Math.min(r + 1, rowTo - 1)];
                switch (w.type()) {
                    case F32 -> pairsF32(segment, w0, w1, x, x0, x1, whole, lanes);
                    case F16 -> pairsF16(segment, w0, w1, x, x0, x1, whole, lanes);
                    case BF16 -> pairsBf16(segment, w0, w1, x, x0, x1, whole, lanes);
                }
                if (whole < cols) {
                    VectorMask<Float> mask = HostWeights.floatsBelow(cols - whole);
                    FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * whole, ORDER, mask);
                    FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, x, x1 + 4L * whole, ORDER, mask);
                    long done = (long) whole * w.type().bytes();
                    FloatVector v0 = w.tail(w0 + done, cols - whole);
                    FloatVector v1 = w.tail(w1 + done, cols - whole);
                    addTail(v0, a0, 0);
                    addTail(v1, a0, 1);
                    addTail(v0, a1, 2);
                    addTail(v1, a1, 3);
                }
                for (int i = 0; i < GROUP; i++) {
                    int output = o + i % 2;
                    int row = r + i / 2;
                    if (output < to && row < rowTo) {
                        sums[(row - rowFrom) * OUTPUTS + output - from] =
                                HostVectors.sum(FloatVector.fromArray(FLOATS, lanes, i * LANES));
                    }
                }
            }
        }
    }

    private static void pairsF32(
            MemorySegment w, long w0, long w1, MemorySegment x, long x0, long x1, int n, float[] lanes) {
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = s00;
        FloatVector s10 = s00;
        FloatVector s11 = s00;
        for (int k = 0; k < n; k += LANES) {
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * k, ORDER);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, x, x1 + 4L * k, ORDER);
            FloatVector v0 = HostWeights.f32(w, w0 + 4L * k);
            s00 = v0.fma(a0, s00);
            s10 = v0.fma(a1, s10);
            FloatVector v1 = HostWeights.f32(w, w1 + 4L * k);
            s01 = v1.fma(a0, s01);
            s11 = v1.fma(a1, s11);
        }
        store(s00, s01, s10, s11, lanes);
    }

    private static void pairsF16(
            MemorySegment w, long w0, long w1, MemorySegment x, long x0, long x1, int n, float[] lanes) {
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = s00;
        FloatVector s10 = s00;
        FloatVector s11 = s00;
        for (int k = 0; k < n; k += LANES) {
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * k, ORDER);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, x, x1 + 4L * k, ORDER);
            FloatVector v0 = HostWeights.f16(w, w0 + 2L * k);
            s00 = v0.fma(a0, s00);
            s10 = v0.fma(a1, s10);
            FloatVector v1 = HostWeights.f16(w, w1 + 2L * k);
            s01 = v1.fma(a0, s01);
            s11 = v1.fma(a1, s11);
        }
        store(s00, s01, s10, s11, lanes);
    }

    private static void pairsBf16(
            MemorySegment w, long w0, long w1, MemorySegment x, long x0, long x1, int n, float[] lanes) {
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = s00;
        FloatVector s10 = s00;
        FloatVector s11 = s00;
        for (int k = 0; k < n; k += LANES) {
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * k, ORDER);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, x, x1 + 4L * k, ORDER);
            FloatVector v0 = HostWeights.bf16(w, w0 + 2L * k);
            s00 = v0.fma(a0, s00);
            s10 = v0.fma(a1, s10);
            FloatVector v1 = HostWeights.bf16(w, w1 + 2L * k);
            s01 = v1.fma(a0, s01);
            s11 = v1.fma(a1, s11);
        }
        store(s00, s01, s10, s11, lanes);
    }

    /** Weights are converted once, a chunk of columns at a time, and then serve every activation row. */
    private void manyRows(
            HostWeights w, int from, int to, MemorySegment x, long[] xAt, int rowFrom, int rowTo, float[] sums) {
        int rows = rowTo - rowFrom;
        int accRow = OUTPUTS * LANES;
        if (weights.length == 0) {
            weights = new float[GROUP * CHUNK];
        }
        if (accumulators.length < rows * accRow) {
            accumulators = new float[rows * accRow];
        }
        float[] acc = accumulators;
        Arrays.fill(acc, 0, rows * accRow, 0f);
        int outputs = to - from;
        int cols = w.cols();
        for (int chunk = 0; chunk < cols; chunk += CHUNK) {
            int n = Math.min(CHUNK, cols - chunk);
            long done = 4L * chunk;
            for (int o = 0; o < outputs; o += GROUP) {
                // Outputs beyond the last keep old weights; their sums are never read.
                for (int i = 0; i < GROUP && o + i < outputs; i++) {
                    w.unpack(w.byteOffset(from + o + i) + (long) chunk * w.type().bytes(), n, weights, i * CHUNK);
                }
                int r = 0;
                for (; r + 4 <= rows; r += 4) {
                    int i = rowFrom + r;
                    fourRows(
                            weights, x, xAt[i] + done, xAt[i + 1] + done, xAt[i + 2] + done, xAt[i + 3] + done, n, acc,
                            r * accRow + o * LANES);
                }
                for (; r < rows; r++) {
                    oneRowOfMany(weights, x, xAt[rowFrom + r] + done, n, acc, r * accRow + o * LANES);
                }
            }
        }
        for (int r = 0; r < rows; r++) {
            for (int o = 0; o < outputs; o++) {
                sums[r * OUTPUTS + o] = HostVectors.sum(FloatVector.fromArray(FLOATS, acc, r * accRow + o * LANES));
            }
        }
    }

    private static void oneRowOfMany(float[] w, MemorySegment x, long x0, int n, float[] acc, int at) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, acc, at);
        FloatVector s1 = FloatVector.fromArray(FLOATS, acc, at + LANES);
        FloatVector s2 = FloatVector.fromArray(FLOATS, acc, at + 2 * LANES);
        FloatVector s3 = FloatVector.fromArray(FLOATS, acc, at + 3 * LANES);
        int whole = FLOATS.loopBound(n);
        for (int k = 0; k < whole; k += LANES) {
            FloatVector xv = FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * k, ORDER);
            s0 = FloatVector.fromArray(FLOATS, w, k).fma(xv, s0);
            s1 = FloatVector.fromArray(FLOATS, w, k + CHUNK).fma(xv, s1);
            s2 = FloatVector.fromArray(FLOATS, w, k + 2 * CHUNK).fma(xv, s2);
            s3 = FloatVector.fromArray(FLOATS, w, k + 3 * CHUNK).fma(xv, s3);
        }
        if (whole < n) {
            VectorMask<Float> mask = HostWeights.floatsBelow(n - whole);
            FloatVector xv = FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * whole, ORDER, mask);
            s0 = FloatVector.fromArray(FLOATS, w, whole).fma(xv, s0);
            s1 = FloatVector.fromArray(FLOATS, w, whole + CHUNK).fma(xv, s1);
            s2 = FloatVector.fromArray(FLOATS, w, whole + 2 * CHUNK).fma(xv, s2);
            s3 = FloatVector.fromArray(FLOATS, w, whole + 3 * CHUNK).fma(xv, s3);
        }
        s0.intoArray(acc, at);
        s1.intoArray(acc, at + LANES);
        s2.intoArray(acc, at + 2 * LANES);
        s3.intoArray(acc, at + 3 * LANES);
    }

    /** Sixteen sums in registers: four weights and four activations loaded for sixteen multiply-adds. */
    private static void fourRows(
            float[] w, MemorySegment x, long x0, long x1, long x2, long x3, int n, float[] acc, int at0) {
        int at1 = at0 + OUTPUTS * LANES;
        int at2 = at1 + OUTPUTS * LANES;
        int at3 = at2 + OUTPUTS * LANES;
        FloatVector s00 = FloatVector.fromArray(FLOATS, acc, at0);
        FloatVector s01 = FloatVector.fromArray(FLOATS, acc, at0 + LANES);
        FloatVector s02 = FloatVector.fromArray(FLOATS, acc, at0 + 2 * LANES);
        FloatVector s03 = FloatVector.fromArray(FLOATS, acc, at0 + 3 * LANES);
        FloatVector s10 = FloatVector.fromArray(FLOATS, acc, at1);
        FloatVector s11 = FloatVector.fromArray(FLOATS, acc, at1 + LANES);
        FloatVector s12 = FloatVector.fromArray(FLOATS, acc, at1 + 2 * LANES);
        FloatVector s13 = FloatVector.fromArray(FLOATS, acc, at1 + 3 * LANES);
        FloatVector s20 = FloatVector.fromArray(FLOATS, acc, at2);
        FloatVector s21 = FloatVector.fromArray(FLOATS, acc, at2 + LANES);
        FloatVector s22 = FloatVector.fromArray(FLOATS, acc, at2 + 2 * LANES);
        FloatVector s23 = FloatVector.fromArray(FLOATS, acc, at2 + 3 * LANES);
        FloatVector s30 = FloatVector.fromArray(FLOATS, acc, at3);
        FloatVector s31 = FloatVector.fromArray(FLOATS, acc, at3 + LANES);
        FloatVector s32 = FloatVector.fromArray(FLOATS, acc, at3 + 2 * LANES);
        FloatVector s33 = FloatVector.fromArray(FLOATS, acc, at3 + 3 * LANES);
        int whole = FLOATS.loopBound(n);
        for (int k = 0; k < whole; k += LANES) {
            long xk = 4L * k;
            FloatVector v0 = FloatVector.fromArray(FLOATS, w, k);
            FloatVector v1 = FloatVector.fromArray(FLOATS, w, k + CHUNK);
            FloatVector v2 = FloatVector.fromArray(FLOATS, w, k + 2 * CHUNK);
            FloatVector v3 = FloatVector.fromArray(FLOATS, w, k + 3 * CHUNK);
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, x, x0 + xk, ORDER);
            s00 = v0.fma(a0, s00);
            s01 = v1.fma(a0, s01);
            s02 = v2.fma(a0, s02);
            s03 = v3.fma(a0, s03);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, x, x1 + xk, ORDER);
            s10 = v0.fma(a1, s10);
            s11 = v1.fma(a1, s11);
            s12 = v2.fma(a1, s12);
            s13 = v3.fma(a1, s13);
            FloatVector a2 = FloatVector.fromMemorySegment(FLOATS, x, x2 + xk, ORDER);
            s20 = v0.fma(a2, s20);
            s21 = v1.fma(a2, s21);
            s22 = v2.fma(a2, s22);
            s23 = v3.fma(a2, s23);
            FloatVector a3 = FloatVector.fromMemorySegment(FLOATS, x, x3 + xk, ORDER);
            s30 = v0.fma(a3, s30);
            s31 = v1.fma(a3, s31);
            s32 = v2.fma(a3, s32);
            s33 = v3.fma(a3, s33);
        }
        s00.intoArray(acc, at0);
        s01.intoArray(acc, at0 + LANES);
        s02.intoArray(acc, at0 + 2 * LANES);
        s03.intoArray(acc, at0 + 3 * LANES);
        s10.intoArray(acc, at1);
        s11.intoArray(acc, at1 + LANES);
        s12.intoArray(acc, at1 + 2 * LANES);
        s13.intoArray(acc, at1 + 3 * LANES);
        s20.intoArray(acc, at2);
        s21.intoArray(acc, at2 + LANES);
        s22.intoArray(acc, at2 + 2 * LANES);
        s23.intoArray(acc, at2 + 3 * LANES);
        s30.intoArray(acc, at3);
        s31.intoArray(acc, at3 + LANES);
        s32.intoArray(acc, at3 + 2 * LANES);
        s33.intoArray(acc, at3 + 3 * LANES);
        if (whole < n) {
            fourRowsTail(w, x, x0, x1, x2, x3, whole, n, acc, at0);
        }
    }

    /** The last columns, fewer than a vector. */
    private static void fourRowsTail(
            float[] w, MemorySegment x, long x0, long x1, long x2, long x3, int whole, int n, float[] acc,
            int at0) {
        VectorMask<Float> mask = HostWeights.floatsBelow(n - whole);
        long done = 4L * whole;
        for (int r = 0; r < 4; r++) {
            long xr = r == 0 ? x0 : r == 1 ? x1 : r == 2 ? x2 : x3;
            FloatVector xv = FloatVector.fromMemorySegment(FLOATS, x, xr + done, ORDER, mask);
            for (int o = 0; o < GROUP; o++) {
                int at = at0 + (r * OUTPUTS + o) * LANES;
                FloatVector.fromArray(FLOATS, w, whole + o * CHUNK)
                        .fma(xv, FloatVector.fromArray(FLOATS, acc, at))
                        .intoArray(acc, at);
            }
        }
    }
}
