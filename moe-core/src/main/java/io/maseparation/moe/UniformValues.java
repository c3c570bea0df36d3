package io.maseparation.moe;

import io.maseparation.kernels.DataType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * 65536 equally likely values of a uniform distribution with mean 0, in the format of an array's elements. A random
 * number of 64 bits chooses four of them: arrays of gigabytes are filled at the speed of memory.
 */
public final class UniformValues {
    private static final int VALUES = 1 << 16;

    /** What an element is, where it has 16 bits. */
    private final short @Nullable [] shorts;
    private final float[] floats;

    private UniformValues(DataType type, double deviation) {
        short[] halves = new short[VALUES];
        floats = new float[VALUES];
        for (int i = 0; i < VALUES; i++) {
            float value = (float) ((2 * (i + 0.5) / VALUES - 1) * Math.sqrt(3) * deviation);
            halves[i] = type == DataType.F16 ? Float.floatToFloat16(value) : toBfloat16(value);
            floats[i] = switch (type) {
                case F32 -> value;
                case F16 -> Float.float16ToFloat(halves[i]);
                case BF16 -> Float.intBitsToFloat(halves[i] << 16);
            };
        }
        shorts = type == DataType.F32 ? null : halves;
    }

    /**
     * {@return the values of a distribution}
     *
     * @param type format of the elements
     * @param deviation standard deviation
     */
    public static UniformValues of(DataType type, double deviation) {
        return new UniformValues(type, deviation);
    }

    /**
     * Sets the first elements of an array to the values that one is chosen from, in the order of their choices.
     *
     * @param data the array's elements, in this format
     */
    public void table(MemorySegment data) {
        if (shorts == null) {
            MemorySegment.copy(floats, 0, data, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, VALUES);
        } else {
            MemorySegment.copy(shorts, 0, data, ValueLayout.JAVA_SHORT_UNALIGNED, 0, VALUES);
        }
    }

    private static short toBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }

    private static int choice(long key, long element) {
        return (int) (CounterRandom.bits(key, element >> 2) >>> (16 * (element & 3))) & 0xFFFF;
    }

    /**
     * {@return the value of an element, as the format holds it}
     *
     * @param key key of a stream of random numbers
     * @param element index of the element in the stream
     */
    public float get(long key, long element) {
        return floats[choice(key, element)];
    }

    /**
     * Sets elements of an array.
     *
     * @param data elements of the array, in this format
     * @param at index of the first element to set
     * @param key key of a stream of random numbers
     * @param from index in the stream of that element, a multiple of 4
     * @param to end of the elements in the stream
     */
    public void fill(MemorySegment data, long at, long key, long from, long to) {
        long base = at - from;
        long whole = from + (to - from) / 4 * 4;
        if (shorts == null) {
            for (long i = from; i < whole; i += 4) {
                long r = CounterRandom.bits(key, i >> 2);
                long place = (base + i) * Float.BYTES;
                data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, place, floats[(int) r & 0xFFFF]);
                data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, place + 4, floats[(int) (r >>> 16) & 0xFFFF]);
                data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, place + 8, floats[(int) (r >>> 32) & 0xFFFF]);
                data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, place + 12, floats[(int) (r >>> 48)]);
            }
            for (long i = whole; i < to; i++) {
                data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, (base + i) * Float.BYTES, floats[choice(key, i)]);
            }
            return;
        }
        for (long i = from; i < whole; i += 4) {
            long r = CounterRandom.bits(key, i >> 2);
            long four = (shorts[(int) r & 0xFFFF] & 0xFFFFL)
                    | (shorts[(int) (r >>> 16) & 0xFFFF] & 0xFFFFL) << 16
                    | (shorts[(int) (r >>> 32) & 0xFFFF] & 0xFFFFL) << 32
                    | (long) shorts[(int) (r >>> 48)] << 48;
            data.set(ValueLayout.JAVA_LONG_UNALIGNED, (base + i) * Short.BYTES, four);
        }
        for (long i = whole; i < to; i++) {
            data.set(ValueLayout.JAVA_SHORT_UNALIGNED, (base + i) * Short.BYTES, shorts[choice(key, i)]);
        }
    }
}
