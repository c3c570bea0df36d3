package io.maseparation.moe.segments;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Host view of a device array of fp32 values, for those who move data between ranks. */
public final class HostFloats {
    private final MemorySegment data;

    HostFloats(FloatArray array) {
        data = array.getSegment();
    }

    /** Number of elements. */
    public int size() {
        return (int) (data.byteSize() / Float.BYTES);
    }

    /** Element {@code index}. */
    public float get(int index) {
        return data.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }

    /** Copies {@code n} elements from index {@code from} into {@code target}, starting at {@code at}. */
    public void read(int from, float[] target, int at, int n) {
        MemorySegment.copy(data, ValueLayout.JAVA_FLOAT, from * 4L, target, at, n);
    }

    /** Copies {@code n} elements of {@code source}, starting at {@code at}, to index {@code to}. */
    public void write(int to, float[] source, int at, int n) {
        MemorySegment.copy(source, at, data, ValueLayout.JAVA_FLOAT, to * 4L, n);
    }
}
