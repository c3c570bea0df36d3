package io.maseparation.moe.segments;

import io.maseparation.kernels.DataType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Host view of a rank's KV cache, for those who move sequences between ranks. Of each layer, and of keys and values
 * alike, the element of a key/value head, position and dimension of a sequence is
 * {@code (base · heads + head · capacity + position) · headDim + d}, where base is the sequence's first cache position
 * and capacity the positions reserved for it.
 */
public final class HostKv {
    private final List<MemorySegment> data;
    private final int heads;
    private final long rowBytes;

    HostKv(
            List<TornadoNativeArray> keys,
            List<TornadoNativeArray> values,
            int heads,
            int headDim,
            DataType type) {
        data = java.util.stream.Stream.concat(keys.stream(), values.stream())
                .map(TornadoNativeArray::getSegment)
                .toList();
        this.heads = heads;
        this.rowBytes = (long) headDim * type.bytes();
    }

    /**
     * Copies positions of a sequence out of another rank's cache, in all layers.
     *
     * @param source cache with the same layers, heads and format
     * @param sourceBase first cache position of the sequence there
     * @param base first cache position of the sequence here
     * @param capacity positions reserved for the sequence, in both
     * @param from first position to copy
     * @param to end of the positions
     * @return bytes copied
     */
    public long copyFrom(HostKv source, int sourceBase, int base, int capacity, int from, int to) {
        if (source.heads != heads || source.rowBytes != rowBytes || source.data.size() != data.size()) {
            throw new IllegalArgumentException("the caches hold %d and %d arrays of %d and %d heads of %d and %d bytes"
                    .formatted(source.data.size(), data.size(), source.heads, heads, source.rowBytes, rowBytes));
        }
        if (from < 0 || to > capacity || from > to) {
            throw new IllegalArgumentException("positions %d to %d of %d".formatted(from, to, capacity));
        }
        long bytes = (to - from) * rowBytes;
        for (int array = 0; array < data.size(); array++) {
            for (int head = 0; head < heads; head++) {
                long inside = (long) head * capacity + from;
                MemorySegment.copy(
                        source.data.get(array),
                        ((long) sourceBase * heads + inside) * rowBytes,
                        data.get(array),
                        ((long) base * heads + inside) * rowBytes,
                        bytes);
            }
        }
        return (long) data.size() * heads * bytes;
    }
}
