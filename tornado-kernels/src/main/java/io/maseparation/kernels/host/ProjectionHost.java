package io.maseparation.kernels.host;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Host bodies of {@code Projection} and {@code QkvProjection}: blocks of outputs are shared out over the cores. */
public final class ProjectionHost {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    /** Multiply-adds worth a thread of their own. */
    private static final long GRAIN = 1 << 16;

    private ProjectionHost() {}

    /** Blocks of outputs that are worth a thread, each of {@code cols} columns for {@code rows} activation rows. */
    static int grain(int outputs, int rows, int cols) {
        return (int) Math.max(1, GRAIN / ((long) outputs * Math.max(1, rows) * Math.max(1, cols)));
    }

    /** Positions of consecutive rows of {@code n} floats, in bytes. */
    static long[] rowPositions(int first, int count, int n) {
        long[] at = new long[count];
        for (int i = 0; i < count; i++) {
            at[i] = 4L * n * (first + i);
        }
        return at;
    }

    /** See {@code Projection}. */
    public static void project(
            IntArray step,
            FloatArray x,
            TornadoNativeArray w,
            FloatArray bias,
            FloatArray out,
            int offset,
            int stride,
            int rows,
            int cols,
            float scale,
            int flags) {
        int count = step.get(1);
        if (count == 0) {
            return;
        }
        long[] xAt = rowPositions(step.get(0), count, cols);
        long[] outAt = rowPositions(step.get(0), count, rows);
        HostWeights weights = HostWeights.of(w, offset, stride, cols);
        MemorySegment xs = x.getSegment();
        MemorySegment outs = out.getSegment();
        boolean biased = (flags & 1) != 0;
        boolean accumulate = (flags & 2) != 0;
        int outputs = HostDots.outputs(count, rows);
        int blocks = Math.ceilDiv(rows, outputs);
        HostThreads.forRange(blocks, grain(outputs, count, cols), (from, to) -> {
            HostDots dots = HostDots.get();
            float[] sums = new float[Math.min(count, HostDots.ROWS) * HostDots.OUTPUTS];
            // Rows of activations stay in a cache while all outputs pass.
            for (int i0 = 0; i0 < count; i0 += HostDots.ROWS) {
                int i1 = Math.min(count, i0 + HostDots.ROWS);
                for (int block = from; block < to; block++) {
                    int r0 = block * outputs;
                    int r1 = Math.min(rows, r0 + outputs);
                    dots.block(weights, r0, r1, xs, xAt, i0, i1, sums);
                    for (int i = i0; i < i1; i++) {
                        for (int r = r0; r < r1; r++) {
                            float v = sums[(i - i0) * HostDots.OUTPUTS + r - r0];
                            if (biased) {
                                v += bias.get(r);
                            }
                            v *= scale;
                            long at = outAt[i] + 4L * r;
                            outs.set(FLOAT, at, accumulate ? outs.get(FLOAT, at) + v : v);
                        }
                    }
                }
            }
        });
    }

    /** See {@code QkvProjection}. */
    public static void qkv(
            IntArray step,
            FloatArray x,
            TornadoNativeArray q,
            TornadoNativeArray k,
            TornadoNativeArray v,
            FloatArray bias,
            FloatArray qkv,
            int cols,
            int qOffset,
            int qStride,
            int qRows,
            int kOffset,
            int kStride,
            int kRows,
            int vOffset,
            int vStride,
            int vRows,
            float clip,
            int biased) {
        int count = step.get(1);
        if (count == 0) {
            return;
        }
        int total = qRows + kRows + vRows;
        long[] xAt = rowPositions(step.get(0), count, cols);
        long[] outAt = rowPositions(step.get(0), count, total);
        HostWeights[] weights = {
            HostWeights.of(q, qOffset, qStride, cols),
            HostWeights.of(k, kOffset, kStride, cols),
            HostWeights.of(v, vOffset, vStride, cols)
        };
        int[] rowsOf = {qRows, kRows, vRows};
        int[] firstOf = {0, qRows, qRows + kRows};
        int outputs = HostDots.outputs(count, total);
        int qBlocks = Math.ceilDiv(qRows, outputs);
        int kBlocks = Math.ceilDiv(kRows, outputs);
        int blocks = qBlocks + kBlocks + Math.ceilDiv(vRows, outputs);
        MemorySegment xs = x.getSegment();
        MemorySegment outs = qkv.getSegment();
        HostThreads.forRange(blocks, grain(outputs, count, cols), (from, to) -> {
            HostDots dots = HostDots.get();
            float[] sums = new float[Math.min(count, HostDots.ROWS) * HostDots.OUTPUTS];
            for (int i0 = 0; i0 < count; i0 += HostDots.ROWS) {
                int i1 = Math.min(count, i0 + HostDots.ROWS);
                for (int block = from; block < to; block++) {
                    int m = block < qBlocks ? 0 : block < qBlocks + kBlocks ? 1 : 2;
                    int r0 = (block - (m == 0 ? 0 : m == 1 ? qBlocks : qBlocks + kBlocks)) * outputs;
                    int r1 = Math.min(rowsOf[m], r0 + outputs);
                    dots.block(weights[m], r0, r1, xs, xAt, i0, i1, sums);
                    for (int i = i0; i < i1; i++) {
                        for (int r = r0; r < r1; r++) {
                            float value = sums[(i - i0) * HostDots.OUTPUTS + r - r0];
                            if (biased != 0) {
                                value += bias.get(firstOf[m] + r);
                            }
                            if (clip > 0) {
                                value = Math.min(Math.max(value, -clip), clip);
                            }
                            outs.set(FLOAT, outAt[i] + 4L * (firstOf[m] + r), value);
                        }
                    }
                }
            }
        });
    }
}
