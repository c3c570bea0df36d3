package io.maseparation.bench;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.WeightMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Large weight matrices, in memory as models have them, quickly filled. */
public final class BenchmarkWeights {
    private static final int BLOCK = 1 << 16;

    private BenchmarkWeights() {}

    /**
     * A dense matrix of normally distributed weights of standard deviation 0.02, which repeat every 65,536 elements.
     */
    public static WeightMatrix random(Random random, DataType type, int rows, int cols) {
        int size = Math.multiplyExact(rows, cols);
        TornadoNativeArray data = DeviceArrays.of(type, size);
        MemorySegment segment = data.getSegment();
        int block = Math.min(size, BLOCK);
        for (int i = 0; i < block; i++) {
            float v = (float) (0.02 * random.nextGaussian());
            switch (type) {
                case F32 -> segment.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, v);
                case F16 -> segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, Float.floatToFloat16(v));
                case BF16 -> segment.set(
                        ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, (short) (Float.floatToRawIntBits(v) >>> 16));
            }
        }
        long bytes = (long) size * type.bytes();
        long blockBytes = (long) block * type.bytes();
        for (long at = blockBytes; at < bytes; at += blockBytes) {
            MemorySegment.copy(segment, 0, segment, at, Math.min(blockBytes, bytes - at));
        }
        return WeightMatrix.dense(type, data, rows, cols);
    }
}
