package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.HostDots.OUTPUTS;
import static io.maseparation.kernels.host.HostWeights.FLOATS;
import static io.maseparation.kernels.host.HostWeights.LANES;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Host bodies of {@code ExpertUp} and {@code ExpertDown}: blocks of outputs of the experts that have rows are shared
 * out over the cores.
 */
public final class ExpertHost {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final float SQRT_2_OVER_PI = 0.7978845608f;

    private ExpertHost() {}

    /** See {@code ExpertUp}. */
    public static void up(
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            TornadoNativeArray gate,
            TornadoNativeArray up,
            FloatArray hidden,
            int firstGroup,
            int experts,
            int width,
            int cols,
            int hiddenStride,
            int slots,
            int mode,
            int gateOffset,
            int gateStride,
            int gateExpert,
            int upOffset,
            int upStride,
            int upExpert) {
        int first = offsets.get(firstGroup);
        int total = offsets.get(firstGroup + experts) - first;
        int[] active = active(offsets, firstGroup, experts);
        if (active.length == 0) {
            return;
        }
        long[] xAt = new long[total];
        for (int i = 0; i < total; i++) {
            xAt[i] = 4L * cols * (pairs.get(first + i) / slots);
        }
        boolean gated = mode >> 3 != 0;
        int code = mode & 7;
        MemorySegment xs = x.getSegment();
        MemorySegment out = hidden.getSegment();
        int rowsOfOne = Math.ceilDiv(total, active.length);
        int outputs = HostDots.outputs(rowsOfOne, (long) active.length * width);
        int blocks = Math.ceilDiv(width, outputs);
        int grain = ProjectionHost.grain(outputs, rowsOfOne, gated ? 2 * cols : cols);
        HostThreads.forRange(active.length * blocks, grain, (from, to) -> {
            HostDots dots = HostDots.get();
            float[] ups = new float[Math.min(total, HostDots.ROWS) * OUTPUTS];
            float[] gates = gated ? new float[ups.length] : ups;
            for (int block = from; block < to; block++) {
                int e = active[block / blocks];
                int r0 = block % blocks * outputs;
                int r1 = Math.min(width, r0 + outputs);
                HostWeights upOf = HostWeights.of(up, upOffset + (long) e * upExpert, upStride, cols);
                HostWeights gateOf = HostWeights.of(gate, gateOffset + (long) e * gateExpert, gateStride, cols);
                int end = offsets.get(firstGroup + e + 1) - first;
                for (int p0 = offsets.get(firstGroup + e) - first; p0 < end; p0 += HostDots.ROWS) {
                    int p1 = Math.min(end, p0 + HostDots.ROWS);
                    dots.block(upOf, r0, r1, xs, xAt, p0, p1, ups);
                    if (gated) {
                        dots.block(gateOf, r0, r1, xs, xAt, p0, p1, gates);
                    }
                    combine(gates, ups, gated, code, (p1 - p0) * OUTPUTS);
                    for (int p = p0; p < p1; p++) {
                        long at = 4L * ((long) (first + p) * hiddenStride + r0);
                        MemorySegment.copy(ups, (p - p0) * OUTPUTS, out, FLOAT, at, r1 - r0);
                    }
                }
            }
        });
    }

    /** See {@code ExpertDown}. */
    public static void down(
            FloatArray hidden,
            IntArray offsets,
            IntArray pairs,
            TornadoNativeArray down,
            FloatArray out,
            int firstGroup,
            int experts,
            int rows,
            int width,
            int hiddenStride,
            int offset,
            int stride,
            int expertStride) {
        int first = offsets.get(firstGroup);
        int total = offsets.get(firstGroup + experts) - first;
        int[] active = active(offsets, firstGroup, experts);
        if (active.length == 0) {
            return;
        }
        long[] hiddenAt = ProjectionHost.rowPositions(first, total, hiddenStride);
        MemorySegment in = hidden.getSegment();
        MemorySegment outs = out.getSegment();
        int rowsOfOne = Math.ceilDiv(total, active.length);
        int outputs = HostDots.outputs(rowsOfOne, (long) active.length * rows);
        int blocks = Math.ceilDiv(rows, outputs);
        int grain = ProjectionHost.grain(outputs, rowsOfOne, width);
        HostThreads.forRange(active.length * blocks, grain, (from, to) -> {
            HostDots dots = HostDots.get();
            float[] sums = new float[Math.min(total, HostDots.ROWS) * OUTPUTS];
            for (int block = from; block < to; block++) {
                int e = active[block / blocks];
                int r0 = block % blocks * outputs;
                int r1 = Math.min(rows, r0 + outputs);
                HostWeights weights = HostWeights.of(down, offset + (long) e * expertStride, stride, width);
                int end = offsets.get(firstGroup + e + 1) - first;
                for (int p0 = offsets.get(firstGroup + e) - first; p0 < end; p0 += HostDots.ROWS) {
                    int p1 = Math.min(end, p0 + HostDots.ROWS);
                    dots.block(weights, r0, r1, in, hiddenAt, p0, p1, sums);
                    for (int p = p0; p < p1; p++) {
                        long at = 4L * ((long) pairs.get(first + p) * rows + r0);
                        MemorySegment.copy(sums, (p - p0) * OUTPUTS, outs, FLOAT, at, r1 - r0);
                    }
                }
            }
        });
    }

    /** The experts that have rows. */
    private static int[] active(IntArray offsets, int firstGroup, int experts) {
        int[] active = new int[experts];
        int n = 0;
        for (int e = 0; e < experts; e++) {
            if (offsets.get(firstGroup + e) < offsets.get(firstGroup + e + 1)) {
                active[n++] = e;
            }
        }
        return java.util.Arrays.copyOf(active, n);
    }

    /** ups = act(gates) · ups, or act(ups) without gates. {@code n} is a multiple of {@link HostDots#OUTPUTS}. */
    private static void combine(float[] gates, float[] ups, boolean gated, int code, int n) {
        for (int i = 0; i < n; i += LANES) {
            FloatVector v = FloatVector.fromArray(FLOATS, gates, i);
            FloatVector a;
            if (code == 2) {
                a = v.max(0f);
            } else if (code == 3) {
                a = gelu(v);
            } else {
                // The tanh form of GELU is v · sigmoid(2 sqrt(2/π) (v + 0.044715 v³)).
                FloatVector z = code == 0 ? v : v.mul(v).mul(v).mul(0.044715f).add(v).mul(2 * SQRT_2_OVER_PI);
                a = v.div(HostVectors.exp(z.neg()).add(1f));
            }
            FloatVector result = gated ? a.mul(FloatVector.fromArray(FLOATS, ups, i)) : a;
            result.intoArray(ups, i);
        }
    }

    /** As {@code DeviceDots}: max(v, 0) - |v| erfc(|v| / √2) / 2. */
    private static FloatVector gelu(FloatVector v) {
        FloatVector size = v.abs().min(12f);
        FloatVector z = size.mul(0.7071067812f);
        FloatVector t = FloatVector.broadcast(FLOATS, 1f).div(z.mul(0.3275911f).add(1f));
        FloatVector p = t.mul(1.061405429f).add(-1.453152027f);
        p = p.mul(t).add(1.421413741f).mul(t).add(-0.284496736f).mul(t).add(0.254829592f).mul(t);
        return v.max(0f).sub(size.mul(0.5f).mul(p).mul(HostVectors.exp(z.mul(z).neg())));
    }
}
