package io.maseparation.kernels.host;

import static io.maseparation.kernels.KvCache.BLOCK;
import static io.maseparation.kernels.host.HostVectors.F;
import static io.maseparation.kernels.host.HostVectors.FLOAT;
import static io.maseparation.kernels.host.HostVectors.LANES;
import static io.maseparation.kernels.host.HostVectors.load;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Host body of {@code RopeAppend}: a row's angles are unpacked once for all its heads. */
public final class RopeHost {
    /** Elements worth another thread. */
    private static final int GRAIN = 1 << 15;

    private RopeHost() {}

    /** Cache of fp32. */
    public static void f32(
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray cosSin,
            FloatArray kCache,
            FloatArray vCache,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            int pairs) {
        run(step, qkv, rowInfo, cosSin, false, kCache, vCache, heads, kvHeads, firstHead, ownHeads, headDim, pairs);
    }

    /** Cache of fp16. */
    public static void f16(
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray cosSin,
            HalfFloatArray kCache,
            HalfFloatArray vCache,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            int pairs) {
        run(step, qkv, rowInfo, cosSin, true, kCache, vCache, heads, kvHeads, firstHead, ownHeads, headDim, pairs);
    }

    private static void run(
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray cosSin,
            boolean fp16,
            TornadoNativeArray kCache,
            TornadoNativeArray vCache,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            int pairs) {
        int first = step.get(0);
        int rowSize = (heads + 2 * kvHeads) * headDim;
        MemorySegment x = qkv.getSegment();
        MemorySegment angles = cosSin.getSegment();
        MemorySegment k = kCache.getSegment();
        MemorySegment v = vCache.getSegment();
        HostThreads.forRange(step.get(1), Math.max(1, GRAIN / rowSize), (from, to) -> {
            float[] cos = new float[pairs];
            float[] sin = new float[pairs];
            float[] rotated = new float[headDim];
            for (int r = from; r < to; r++) {
                int row = first + r;
                int position = rowInfo.get(3 * row);
                long angle = 8L * rowInfo.get(3 * row + 2) * pairs;
                for (int i = 0; i < pairs; i++) {
                    cos[i] = angles.get(FLOAT, angle + 8L * i);
                    sin[i] = angles.get(FLOAT, angle + 8L * i + 4);
                }
                long start = 4L * row * rowSize;
                long at = start + 4L * firstHead * (heads / kvHeads) * headDim;
                for (int head = 0; head < ownHeads * (heads / kvHeads); head++, at += 4L * headDim) {
                    rotate(x, at, cos, sin, rotated, pairs);
                    MemorySegment.copy(rotated, 0, x, FLOAT, at, headDim);
                }
                long block = rowInfo.get(rowInfo.get(3 * row + 1) + position / BLOCK);
                long cache = block * ownHeads * BLOCK + position % BLOCK;
                at = start + 4L * (heads + firstHead) * headDim;
                for (int head = 0; head < ownHeads; head++, at += 4L * headDim) {
                    rotate(x, at, cos, sin, rotated, pairs);
                    append(rotated, k, (cache + (long) head * BLOCK) * headDim, headDim, fp16);
                }
                at = start + 4L * (heads + kvHeads + firstHead) * headDim;
                for (int head = 0; head < ownHeads; head++, at += 4L * headDim) {
                    MemorySegment.copy(x, FLOAT, at, rotated, 0, headDim);
                    append(rotated, v, (cache + (long) head * BLOCK) * headDim, headDim, fp16);
                }
            }
        });
    }

    /** Rotates the first {@code 2 * half} elements of a head; the others pass through. */
    private static void rotate(MemorySegment x, long at, float[] cos, float[] sin, float[] out, int half) {
        long highAt = at + 4L * half;
        MemorySegment.copy(x, FLOAT, highAt + 4L * half, out, 2 * half, out.length - 2 * half);
        int i = 0;
        for (; i <= half - LANES; i += LANES) {
            FloatVector low = load(x, at + 4L * i);
            FloatVector high = load(x, highAt + 4L * i);
            FloatVector c = FloatVector.fromArray(F, cos, i);
            FloatVector s = FloatVector.fromArray(F, sin, i);
            low.mul(c).sub(high.mul(s)).intoArray(out, i);
            high.mul(c).add(low.mul(s)).intoArray(out, half + i);
        }
        for (; i < half; i++) {
            float low = x.get(FLOAT, at + 4L * i);
            float high = x.get(FLOAT, highAt + 4L * i);
            out[i] = low * cos[i] - high * sin[i];
            out[half + i] = high * cos[i] + low * sin[i];
        }
    }

    private static void append(float[] from, MemorySegment cache, long element, int n, boolean fp16) {
        if (fp16) {
            for (int i = 0; i < n; i++) {
                cache.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * (element + i), Float.floatToFloat16(from[i]));
            }
        } else {
            MemorySegment.copy(from, 0, cache, FLOAT, 4 * element, n);
        }
    }
}
