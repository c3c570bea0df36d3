package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.HostVectors.FLOAT;
import static io.maseparation.kernels.host.HostVectors.LANES;
import static io.maseparation.kernels.host.HostVectors.load;
import static io.maseparation.kernels.host.HostVectors.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Host body of {@code Combine}. */
public final class CombineHost {
    /** Columns that one thread does of one row. */
    private static final int CHUNK = 1024;
    /** Elements read that are worth another thread. */
    private static final int GRAIN = 1 << 15;

    private CombineHost() {}

    /** See {@code Combine}. */
    public static void combine(
            IntArray step,
            FloatArray expertOut,
            FloatArray weights,
            IntArray ids,
            FloatArray out,
            int slots,
            int n,
            float scale,
            int accumulate) {
        int first = step.get(0);
        int chunks = Math.ceilDiv(n, CHUNK);
        MemorySegment x = expertOut.getSegment();
        MemorySegment y = out.getSegment();
        int grain = Math.max(1, GRAIN / (Math.min(n, CHUNK) * slots));
        HostThreads.forRange(step.get(1) * chunks, grain, (from, to) -> {
            for (int u = from; u < to; u++) {
                int column = u % chunks * CHUNK;
                row(x, weights, ids, y, first + u / chunks, column, Math.min(n, column + CHUNK), slots, n, scale,
                        accumulate == 1);
            }
        });
    }

    private static void row(
            MemorySegment x,
            FloatArray weights,
            IntArray ids,
            MemorySegment y,
            int row,
            int fromColumn,
            int toColumn,
            int slots,
            int n,
            float scale,
            boolean accumulate) {
        int pair = row * slots;
        long yAt = 4L * row * n;
        long xAt = 4L * pair * n;
        int i = fromColumn;
        for (; i <= toColumn - LANES; i += LANES) {
            FloatVector sum = FloatVector.zero(HostVectors.F);
            for (int j = 0; j < slots; j++) {
                if (ids.get(pair + j) >= 0) {
                    sum = load(x, xAt + 4L * ((long) j * n + i))
                            .fma(FloatVector.broadcast(HostVectors.F, weights.get(pair + j)), sum);
                }
            }
            FloatVector value = sum.mul(scale);
            store(accumulate ? load(y, yAt + 4L * i).add(value) : value, y, yAt + 4L * i);
        }
        for (; i < toColumn; i++) {
            float sum = 0;
            for (int j = 0; j < slots; j++) {
                if (ids.get(pair + j) >= 0) {
                    sum = Math.fma(x.get(FLOAT, xAt + 4L * ((long) j * n + i)), weights.get(pair + j), sum);
                }
            }
            float value = scale * sum;
            y.set(FLOAT, yAt + 4L * i, accumulate ? y.get(FLOAT, yAt + 4L * i) + value : value);
        }
    }
}
