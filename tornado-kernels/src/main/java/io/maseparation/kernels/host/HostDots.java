package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.HostWeights.FLOATS;
import static io.maseparation.kernels.host.HostWeights.LANES;
import static io.maseparation.kernels.host.HostWeights.ORDER;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import org.jspecify.annotations.Nullable;

/**
 * Dot products of weight rows with activation rows, for one thread of a host body, which keeps the memory that they
 * work in between calls.
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

    /** Up to this many activation rows, weights are read straight from memory and converted in registers. */
    private static final int FEW = 8;

    private static final ThreadLocal<HostDots> LOCAL = ThreadLocal.withInitial(HostDots::new);

    private final float[] lanes = new float[2 * FEW * LANES];
    /** Rows of activations as the loops for few rows read them. */
    private float[] packed = {};
    /** Which rows these are: they stay while a host body goes through its outputs. */
    private long @Nullable [] packedAt;
    private int packedFrom;
    private int packedTo;
    /** Empty until it is needed, as is the next. */
    private float[] weights = {};

    private float[] accumulators = {};

    private HostDots() {}

    /** {@return this thread's, for activations that do not change while it is in use} */
    static HostDots get() {
        HostDots dots = LOCAL.get();
        dots.packedAt = null;
        return dots;
    }

    /**
     * Dot products of up to {@link #OUTPUTS} weight rows with up to {@link #ROWS} activation rows.
     *
     * @param w weights, [outputs, cols]
     * @param from first weight row
     * @param to end of the weight rows
     * @param x fp32 activations
     * @param xAt position of each activation row in {@code x}, in bytes; another array for other activations
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
        for (int o = from; o < to; o += GROUP) {
            // A short last group computes its last output again.
            long w0 = w.byteOffset(o);
            long w1 = w.byteOffset(Math.min(o + 1, to - 1));
            long w2 = w.byteOffset(Math.min(o + 2, to - 1));
            long w3 = w.byteOffset(Math.min(o + 3, to - 1));
            w.loops().one(w.segment(), w0, w1, w2, w3, x, x0, whole, lanes);
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

    /** Four activation rows and four outputs at a time, or eight and two; missing rows are copies of the last. */
    private void fewRows(
            HostWeights w, int from, int to, MemorySegment x, long[] xAt, int rowFrom, int rowTo, float[] sums) {
        int rows = rowTo - rowFrom;
        int width = rows <= FEW / 2 ? FEW / 2 : FEW;
        int group = 2 * FEW / width;
        int cols = w.cols();
        int whole = FLOATS.loopBound(cols);
        pack(x, xAt, rowFrom, rowTo, width, cols);
        for (int o = from; o < to; o += group) {
            // A short last group computes its last output again.
            long w0 = w.byteOffset(o);
            long w1 = w.byteOffset(Math.min(o + 1, to - 1));
            if (width == FEW) {
                w.loops().eight(w.segment(), w0, w1, packed, whole, lanes);
            } else {
                long w2 = w.byteOffset(Math.min(o + 2, to - 1));
                long w3 = w.byteOffset(Math.min(o + 3, to - 1));
                w.loops().four(w.segment(), w0, w1, w2, w3, packed, whole, lanes);
            }
            for (int i = 0; i < group && o + i < to; i++) {
                if (whole < cols) {
                    FloatVector tail =
                            w.tail(w.byteOffset(o + i) + (long) whole * w.type().bytes(), cols - whole);
                    for (int r = 0; r < rows; r++) {
                        FloatVector xv = FloatVector.fromArray(FLOATS, packed, whole * width + r * LANES);
                        addTail(tail, xv, i * width + r);
                    }
                }
                for (int r = 0; r < rows; r++) {
                    int at = (i * width + r) * LANES;
                    sums[r * OUTPUTS + o + i - from] = HostVectors.sum(FloatVector.fromArray(FLOATS, lanes, at));
                }
            }
        }
    }

    /** Writes activation rows to {@link #packed} as [cols / LANES, width, LANES], unless the last call did. */
    @SuppressWarnings("ReferenceEquality") // The same array is what says that these are the same rows.
    private void pack(MemorySegment x, long[] xAt, int rowFrom, int rowTo, int width, int cols) {
        if (xAt == packedAt && rowFrom == packedFrom && rowTo == packedTo) {
            return;
        }
        int whole = FLOATS.loopBound(cols);
        int size = width * Math.ceilDiv(cols, LANES) * LANES;
        if (packed.length < size) {
            packed = new float[size];
        }
        for (int r = 0; r < width; r++) {
            long x0 = xAt[Math.min(rowFrom + r, rowTo - 1)];
            for (int k = 0; k < whole; k += LANES) {
                FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * k, ORDER)
                        .intoArray(packed, k * width + r * LANES);
            }
            if (whole < cols) {
                FloatVector.fromMemorySegment(
                        FLOATS, x, x0 + 4L * whole, ORDER, HostWeights.floatsBelow(cols - whole))
                        .intoArray(packed, whole * width + r * LANES);
            }
        }
        packedAt = xAt;
        packedFrom = rowFrom;
        packedTo = rowTo;
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
