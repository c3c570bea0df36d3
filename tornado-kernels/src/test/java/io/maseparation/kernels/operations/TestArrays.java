package io.maseparation.kernels.operations;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.WeightMatrix;
import java.util.random.RandomGenerator;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Inputs, outputs and float64 views for the tests of kernels. */
public final class TestArrays {
    private TestArrays() {}

    /** Uniform in [-1, 1). */
    public static FloatArray random(RandomGenerator random, int n) {
        FloatArray array = DeviceArrays.floats(n);
        for (int i = 0; i < n; i++) {
            array.set(i, random.nextFloat() * 2 - 1);
        }
        return array;
    }

    /** An output that shows every element left unwritten. */
    static FloatArray poisoned(int n) {
        FloatArray array = DeviceArrays.floats(n);
        array.init(Float.NaN);
        return array;
    }

    static IntArray ints(int... values) {
        return DeviceArrays.copyOf(values);
    }

    /** A random matrix in a larger array: an offset before it and padding after each row, so that strides matter. */
    static WeightMatrix randomMatrix(RandomGenerator random, DataType type, int rows, int cols, int offset, int pad) {
        int stride = cols + pad;
        int size = Math.max(1, offset + rows * stride);
        TornadoNativeArray data = DeviceArrays.of(type, size);
        for (int i = 0; i < size; i++) {
            float value = random.nextFloat() * 2 - 1;
            switch (data) {
                case FloatArray f -> f.set(i, value);
                case HalfFloatArray h -> h.set(i, new HalfFloat(value));
                case BFloat16Array b -> b.setFloat(i, value);
                default -> throw new AssertionError(data);
            }
        }
        return new WeightMatrix(type, data, offset, rows, cols, stride);
    }

    /** Element (r, c) exactly as stored. */
    static double at(WeightMatrix m, int r, int c) {
        int i = m.offset() + r * m.rowStride() + c;
        return switch (m.data()) {
            case FloatArray f -> f.get(i);
            case HalfFloatArray h -> h.get(i).getFloat32();
            case BFloat16Array b -> b.getFloat(i);
            default -> throw new AssertionError(m.data());
        };
    }
}
