package io.maseparation.moe.segments;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Host view of a device array of 32-bit integers. */
public final class HostInts {
    private final MemorySegment data;

    HostInts(IntArray array) {
        data = array.getSegment();
    }

    /** The {@code length} elements from {@code from} on. */
    HostInts(IntArray array, int from, int length) {
        data = array.getSegment().asSlice((long) from * Integer.BYTES, (long) length * Integer.BYTES);
    }

    /** Number of elements. */
    public int size() {
        return (int) (data.byteSize() / Integer.BYTES);
    }

    /** Element {@code index}. */
    public int get(int index) {
        return data.getAtIndex(ValueLayout.JAVA_INT, index);
    }

    /** Sets element {@code index}. */
    public void set(int index, int value) {
        data.setAtIndex(ValueLayout.JAVA_INT, index, value);
    }

    /** Sets the elements from {@code index} on. */
    public void setAll(int index, int... values) {
        for (int i = 0; i < values.length; i++) {
            set(index + i, values[i]);
        }
    }

    /** The elements as they are now. */
    int[] copy() {
        return data.toArray(ValueLayout.JAVA_INT);
    }
}
