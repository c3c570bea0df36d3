package uk.ac.manchester.tornado.api;

import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** A part of an array, for {@link TornadoExecutionResult#transferToHost(DataRange)}: the whole of it unless told. */
public class DataRange {
    private final TornadoNativeArray array;
    private long offset;
    private long size;
    private long offsetBytes = -1;
    private long sizeBytes;

    /** @param tornadoNativeArray on the host */
    public DataRange(TornadoNativeArray tornadoNativeArray) {
        array = tornadoNativeArray;
    }

    /** Sets the first element. */
    public DataRange withOffset(long offset) {
        this.offset = offset;
        return this;
    }

    /** Sets the number of elements; 0 means as many as the array has, which only fits an offset of 0. */
    public DataRange withSize(long size) {
        this.size = size;
        return this;
    }

    /** First byte, counted from the start of the array's header. Known after {@link #materialize}. */
    public long getOffset() {
        checkMaterialized();
        return offsetBytes;
    }

    /** Number of bytes. Known after {@link #materialize}. */
    public long getPartialSize() {
        checkMaterialized();
        return sizeBytes;
    }

    /**
     * Turns elements into bytes; a transfer does it.
     *
     * @throws TornadoRuntimeException if the range is not within the array
     */
    public void materialize() {
        long elements = size == 0 ? array.getSize() : size;
        if (offset < 0 || elements < 0 || offset > array.getSize() - elements) {
            throw new TornadoRuntimeException("%d elements from %d are not within an array of %d"
                    .formatted(elements, offset, array.getSize()));
        }
        offsetBytes = TornadoNativeArray.ARRAY_HEADER + offset * array.getElementSize();
        sizeBytes = elements * array.getElementSize();
    }

    /** The array. */
    public TornadoNativeArray getArray() {
        return array;
    }

    private void checkMaterialized() {
        if (offsetBytes < 0) {
            throw new TornadoRuntimeException("the bytes of a range are known after materialize()");
        }
    }
}
