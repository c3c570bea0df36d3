package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.HostWeights.FLOATS;
import static io.maseparation.kernels.host.HostWeights.LANES;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Host bodies of operations on whole rows, which memory bandwidth limits. */
public final class RowsHost {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    /** Elements worth a thread of their own. */
    private static final int GRAIN = 1 << 15;

    private RowsHost() {}

    private static int grain(int n) {
        return Math.max(1, GRAIN / Math.max(1, n));
    }

    /** See {@code Embedding}. */
    public static void embed(
            IntArray step,
            IntArray tokens,
            TornadoNativeArray table,
            FloatArray x,
            int offset,
            int stride,
            int n,
            float multiplier) {
        int first = step.get(0);
        HostWeights weights = HostWeights.of(table, offset, stride, n);
        MemorySegment out = x.getSegment();
        HostThreads.forRange(step.get(1), grain(n), (from, to) -> {
            int whole = FLOATS.loopBound(n);
            VectorMask<Float> rest = HostWeights.floatsBelow(n - whole);
            for (int row = first + from; row < first + to; row++) {
                long at = weights.byteOffset(tokens.get(row));
                long outAt = 4L * row * n;
                weights.loops().unpack(weights.segment(), at, whole, out, outAt);
                for (int i = 0; i < whole; i += LANES) {
                    HostWeights.f32(out, outAt + 4L * i)
                            .mul(multiplier)
                            .intoMemorySegment(out, outAt + 4L * i, HostWeights.ORDER);
                }
                if (whole < n) {
                    weights.tail(at + (long) whole * weights.type().bytes(), n - whole)
                            .mul(multiplier)
                            .intoMemorySegment(out, outAt + 4L * whole, HostWeights.ORDER, rest);
                }
            }
        });
    }

    /** See {@code ResidualAdd}. */
    public static void residualAdd(IntArray step, FloatArray y, FloatArray x, int n, float scale) {
        long first = (long) step.get(0) * n;
        MemorySegment ys = y.getSegment();
        MemorySegment xs = x.getSegment();
        HostThreads.forRange(step.get(1) * n, GRAIN, (from, to) -> {
            long at = 4 * (first + from);
            int whole = FLOATS.loopBound(to - from);
            for (int i = 0; i < whole; i += LANES) {
                FloatVector yv = HostWeights.f32(ys, at + 4L * i);
                HostWeights.f32(xs, at + 4L * i)
                        .add(yv.mul(scale))
                        .intoMemorySegment(xs, at + 4L * i, HostWeights.ORDER);
            }
            for (int i = whole; i < to - from; i++) {
                float v = xs.get(FLOAT, at + 4L * i) + scale * ys.get(FLOAT, at + 4L * i);
                xs.set(FLOAT, at + 4L * i, v);
            }
        });
    }

    /** See {@code Clip}. */
    public static void clip(IntArray step, FloatArray x, int n, float limit) {
        long first = (long) step.get(0) * n;
        MemorySegment xs = x.getSegment();
        HostThreads.forRange(step.get(1) * n, GRAIN, (from, to) -> {
            for (int i = from; i < to; i++) {
                long at = 4 * (first + i);
                xs.set(FLOAT, at, Math.max(-limit, Math.min(limit, xs.get(FLOAT, at))));
            }
        });
    }

    /** See {@code SelectRows}. */
    public static void selectRows(IntArray step, IntArray rowIndex, FloatArray in, FloatArray out, int n) {
        int first = step.get(0);
        MemorySegment from = in.getSegment();
        MemorySegment to = out.getSegment();
        HostThreads.forRange(step.get(1), grain(n), (begin, end) -> {
            for (int row = first + begin; row < first + end; row++) {
                MemorySegment.copy(from, 4L * n * rowIndex.get(row), to, 4L * n * row, 4L * n);
            }
        });
    }

    /** See {@code ArgMax}. */
    public static void argMax(IntArray step, FloatArray logits, IntArray best, int n) {
        int first = step.get(0);
        MemorySegment segment = logits.getSegment();
        HostThreads.forRange(step.get(1), grain(n), (from, to) -> {
            for (int row = first + from; row < first + to; row++) {
                best.set(row, argMax(segment, 4L * n * row, n));
            }
        });
    }

    private static int argMax(MemorySegment segment, long at, int n) {
        float highest = highest(segment, at, n);
        if (Float.isNaN(highest)) {
            return -1;
        }
        int whole = FLOATS.loopBound(n);
        for (int i = 0; i < whole; i += LANES) {
            VectorMask<Float> found = HostWeights.f32(segment, at + 4L * i).compare(VectorOperators.EQ, highest);
            if (found.anyTrue()) {
                return i + found.firstTrue();
            }
        }
        for (int i = whole; i < n; i++) {
            if (segment.get(FLOAT, at + 4L * i) == highest) {
                return i;
            }
        }
        return 0;
    }

    /** The largest element; NaN if one is not finite. */
    private static float highest(MemorySegment segment, long at, int n) {
        FloatVector highest = FloatVector.broadcast(FLOATS, -Float.MAX_VALUE);
        VectorMask<Float> finite = FLOATS.maskAll(true);
        int whole = FLOATS.loopBound(n);
        for (int i = 0; i < whole; i += LANES) {
            FloatVector v = HostWeights.f32(segment, at + 4L * i);
            highest = highest.blend(v, v.compare(VectorOperators.GT, highest));
            finite = finite.and(v.test(VectorOperators.IS_FINITE));
        }
        if (!finite.allTrue()) {
            return Float.NaN;
        }
        float result = -Float.MAX_VALUE;
        for (int i = 0; i < LANES; i++) {
            result = Math.max(result, highest.lane(i));
        }
        for (int i = whole; i < n; i++) {
            float v = segment.get(FLOAT, at + 4L * i);
            if (!Float.isFinite(v)) {
                return Float.NaN;
            }
            if (v > result) {
                result = v;
            }
        }
        return result;
    }
}
