package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.HostVectors.F;
import static io.maseparation.kernels.host.HostVectors.FLOAT;
import static io.maseparation.kernels.host.HostVectors.LANES;
import static io.maseparation.kernels.host.HostVectors.load;
import static io.maseparation.kernels.host.HostVectors.store;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The inner loops of host attention: some query rows against one tile of {@value #TILE} cache positions, with the
 * running softmax of FlashAttention (Dao et al., arXiv 2205.14135).
 *
 * <p>Tiles begin at multiples of their size. Within a row every sum runs over the row's own positions in ascending
 * order (weighted values) or in lanes of a fixed tree (sum of exponentials), so that a row's result depends on nothing
 * but its position and window: not on the rows beside it, and not on what the cache holds beyond its range.
 */
final class AttentionTile {
    /** Positions of a tile: a multiple of the lanes. */
    static final int TILE = 64;

    private static final long V = 4L * LANES;

    private AttentionTile() {}

    /** Columns rounded up to whole vectors. */
    static int padded(int headDim) {
        return Math.ceilDiv(headDim, LANES) * LANES;
    }

    /** Copies n cache elements to floats and fills up with zeros to {@code padded}. */
    static void loadRow(MemorySegment cache, long element, boolean fp16, MemorySegment to, long toAt, int n,
            int padded) {
        if (fp16) {
            int d = 0;
            for (; d <= n - LANES; d += LANES) {
                store(HostVectors.loadHalves(cache, 2 * (element + d)), to, toAt + 4L * d);
            }
            for (; d < n; d++) {
                short half = cache.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * (element + d));
                to.set(FLOAT, toAt + 4L * d, Float.float16ToFloat(half));
            }
        } else {
            MemorySegment.copy(cache, 4 * element, to, toAt, 4L * n);
        }
        for (int d = n; d < padded; d++) {
            to.set(FLOAT, toAt + 4L * d, 0);
        }
    }

    /** Copies n positions of keys as [padded, TILE]; positions after n are zero. */
    static void loadTransposed(
            MemorySegment cache, long element, boolean fp16, MemorySegment to, int n, int headDim, float[] row) {
        for (int p = 0; p < n; p++) {
            long from = element + (long) p * headDim;
            if (fp16) {
                int d = 0;
                for (; d <= headDim - LANES; d += LANES) {
                    HostVectors.loadHalves(cache, 2 * (from + d)).intoArray(row, d);
                }
                for (; d < headDim; d++) {
                    row[d] = Float.float16ToFloat(cache.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * (from + d)));
                }
            } else {
                MemorySegment.copy(cache, FLOAT, 4 * from, row, 0, headDim);
            }
            for (int d = 0; d < headDim; d++) {
                to.set(FLOAT, 4L * (d * TILE + p), row[d]);
            }
        }
        for (int p = n; p < TILE; p++) {
            for (int d = 0; d < headDim; d++) {
                to.set(FLOAT, 4L * (d * TILE + p), 0);
            }
        }
    }

    /** scores[row, p] = queries[row] · keys[p] for p in [from, to); rows of both are {@code padded} long. */
    static void scoreByRow(
            MemorySegment queries, MemorySegment keys, long keysAt, MemorySegment scores, int row, int from, int to,
            int padded) {
        long q = 4L * row * padded;
        long stride = 4L * padded;
        int p = from;
        for (; p <= to - 4; p += 4) {
            long k = keysAt + p * stride;
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            for (long at = 0; at < stride; at += V) {
                FloatVector x = load(queries, q + at);
                s0 = x.fma(load(keys, k + at), s0);
                s1 = x.fma(load(keys, k + stride + at), s1);
                s2 = x.fma(load(keys, k + 2 * stride + at), s2);
                s3 = x.fma(load(keys, k + 3 * stride + at), s3);
            }
            long to4 = 4L * (row * TILE + p);
            scores.set(FLOAT, to4, HostVectors.sum(s0));
            scores.set(FLOAT, to4 + 4, HostVectors.sum(s1));
            scores.set(FLOAT, to4 + 8, HostVectors.sum(s2));
            scores.set(FLOAT, to4 + 12, HostVectors.sum(s3));
        }
        for (; p < to; p++) {
            long k = keysAt + p * stride;
            FloatVector s = FloatVector.zero(F);
            for (long at = 0; at < stride; at += V) {
                s = load(queries, q + at).fma(load(keys, k + at), s);
            }
            scores.set(FLOAT, 4L * (row * TILE + p), HostVectors.sum(s));
        }
    }

    /** scores[p] = sum of the lanes of p, for p in [from, to). */
    static void addLanes(float[] lanes, MemorySegment scores, int from, int to) {
        for (int p = from; p < to; p++) {
            scores.set(FLOAT, 4L * p, HostVectors.sum(FloatVector.fromArray(F, lanes, p * LANES)));
        }
    }

    /**
     * Turns the scores of a row's positions [from, to) within the tile into exponentials, those of the others into
     * zero, and updates the row's highest score and total.
     *
     * @return factor for what was summed before this tile
     */
    static float softmax(MemorySegment scores, int row, int from, int to, float scale, float[] highest, float[] total) {
        long at = 4L * row * TILE;
        for (int p = 0; p < from; p++) {
            scores.set(FLOAT, at + 4L * p, Float.NEGATIVE_INFINITY);
        }
        for (int p = to; p < TILE; p++) {
            scores.set(FLOAT, at + 4L * p, Float.NEGATIVE_INFINITY);
        }
        FloatVector factor = FloatVector.broadcast(F, scale);
        FloatVector max = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        for (int p = 0; p < TILE; p += LANES) {
            max = max.max(load(scores, at + 4L * p).mul(factor));
        }
        float before = highest[row];
        float now = Math.max(before, max.reduceLanes(VectorOperators.MAX));
        FloatVector shift = FloatVector.broadcast(F, now);
        FloatVector sum = FloatVector.zero(F);
        for (int p = 0; p < TILE; p += LANES) {
            FloatVector e = HostVectors.exp(load(scores, at + 4L * p).mul(factor).sub(shift));
            store(e, scores, at + 4L * p);
            sum = sum.add(e);
        }
        float correction = before == now ? 1 : (float) Math.exp(before - now);
        highest[row] = now;
        total[row] = Math.fma(total[row], correction, HostVectors.sum(sum));
        return correction;
    }

    /** sums = sums · correction + part, for one row; part becomes zero. */
    static void fold(MemorySegment sums, MemorySegment part, int row, int padded, float correction) {
        long at = 4L * row * padded;
        FloatVector factor = FloatVector.broadcast(F, correction);
        FloatVector zero = FloatVector.zero(F);
        for (int d = 0; d < padded; d += LANES, at += V) {
            store(load(sums, at).fma(factor, load(part, at)), sums, at);
            store(zero, part, at);
        }
    }

    /** C[row, :] += Σ_k A[row, k] · B[k, :] for k in [from, to), in order of k; all strides in floats. */
    static void multiplyRow(
            MemorySegment a,
            int aStride,
            MemorySegment b,
            long bAt,
            int bStride,
            MemorySegment c,
            int cStride,
            int row,
            int from,
            int to,
            int columns) {
        long aRow = 4L * row * aStride;
        long cRow = 4L * row * cStride;
        long bRow = 4L * bStride;
        int d = 0;
        for (; d <= columns - 4 * LANES; d += 4 * LANES) {
            long at = cRow + 4L * d;
            FloatVector c0 = load(c, at);
            FloatVector c1 = load(c, at + V);
            FloatVector c2 = load(c, at + 2 * V);
            FloatVector c3 = load(c, at + 3 * V);
            long bFrom = bAt + 4L * d;
            for (int k = from; k < to; k++) {
                FloatVector x = FloatVector.broadcast(F, a.get(FLOAT, aRow + 4L * k));
                long bk = bFrom + k * bRow;
                c0 = x.fma(load(b, bk), c0);
                c1 = x.fma(load(b, bk + V), c1);
                c2 = x.fma(load(b, bk + 2 * V), c2);
                c3 = x.fma(load(b, bk + 3 * V), c3);
            }
            store(c0, c, at);
            store(c1, c, at + V);
            store(c2, c, at + 2 * V);
            store(c3, c, at + 3 * V);
        }
        for (; d < columns; d += LANES) {
            long at = cRow + 4L * d;
            FloatVector c0 = load(c, at);
            long bFrom = bAt + 4L * d;
            for (int k = from; k < to; k++) {
                c0 = FloatVector.broadcast(F, a.get(FLOAT, aRow + 4L * k)).fma(load(b, bFrom + k * bRow), c0);
            }
            store(c0, c, at);
        }
    }

    /** {@link #multiplyRow} for four neighbouring rows at once: every element sees the same operations. */
    static void multiplyFourRows(
            MemorySegment a,
            int aStride,
            MemorySegment b,
            long bAt,
            int bStride,
            MemorySegment c,
            int cStride,
            int row,
            int from,
            int to,
            int columns) {
        long a0 = 4L * row * aStride;
        long a1 = a0 + 4L * aStride;
        long a2 = a1 + 4L * aStride;
        long a3 = a2 + 4L * aStride;
        long bRow = 4L * bStride;
        long cRow = 4L * cStride;
        int d = 0;
        for (; d <= columns - 2 * LANES; d += 2 * LANES) {
            long at = 4L * ((long) row * cStride + d);
            FloatVector c00 = load(c, at);
            FloatVector c01 = load(c, at + V);
            FloatVector c10 = load(c, at + cRow);
            FloatVector c11 = load(c, at + cRow + V);
            FloatVector c20 = load(c, at + 2 * cRow);
            FloatVector c21 = load(c, at + 2 * cRow + V);
            FloatVector c30 = load(c, at + 3 * cRow);
            FloatVector c31 = load(c, at + 3 * cRow + V);
            long bFrom = bAt + 4L * d;
            for (int k = from; k < to; k++) {
                FloatVector b0 = load(b, bFrom + k * bRow);
                FloatVector b1 = load(b, bFrom + k * bRow + V);
                FloatVector x0 = FloatVector.broadcast(F, a.get(FLOAT, a0 + 4L * k));
                c00 = x0.fma(b0, c00);
                c01 = x0.fma(b1, c01);
                FloatVector x1 = FloatVector.broadcast(F, a.get(FLOAT, a1 + 4L * k));
                c10 = x1.fma(b0, c10);
                c11 = x1.fma(b1, c11);
                FloatVector x2 = FloatVector.broadcast(F, a.get(FLOAT, a2 + 4L * k));
                c20 = x2.fma(b0, c20);
                c21 = x2.fma(b1, c21);
                FloatVector x3 = FloatVector.broadcast(F, a.get(FLOAT, a3 + 4L * k));
                c30 = x3.fma(b0, c30);
                c31 = x3.fma(b1, c31);
            }
            store(c00, c, at);
            store(c01, c, at + V);
            store(c10, c, at + cRow);
            store(c11, c, at + cRow + V);
            store(c20, c, at + 2 * cRow);
            store(c21, c, at + 2 * cRow + V);
            store(c30, c, at + 3 * cRow);
            store(c31, c, at + 3 * cRow + V);
        }
        for (; d < columns; d += LANES) {
            long at = 4L * ((long) row * cStride + d);
            FloatVector c0 = load(c, at);
            FloatVector c1 = load(c, at + cRow);
            FloatVector c2 = load(c, at + 2 * cRow);
            FloatVector c3 = load(c, at + 3 * cRow);
            long bFrom = bAt + 4L * d;
            for (int k = from; k < to; k++) {
                FloatVector b0 = load(b, bFrom + k * bRow);
                c0 = FloatVector.broadcast(F, a.get(FLOAT, a0 + 4L * k)).fma(b0, c0);
                c1 = FloatVector.broadcast(F, a.get(FLOAT, a1 + 4L * k)).fma(b0, c1);
                c2 = FloatVector.broadcast(F, a.get(FLOAT, a2 + 4L * k)).fma(b0, c2);
                c3 = FloatVector.broadcast(F, a.get(FLOAT, a3 + 4L * k)).fma(b0, c3);
            }
            store(c0, c, at);
            store(c1, c, at + cRow);
            store(c2, c, at + 2 * cRow);
            store(c3, c, at + 3 * cRow);
        }
    }
}
