package io.maseparation.moe.segments;

import static io.maseparation.kernels.AttentionShapes.BLOCK;

import io.maseparation.kernels.AttentionShapes;
import io.maseparation.kernels.DataType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.IntUnaryOperator;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Host view of a rank's KV cache, for those who move sequences between ranks. Of each layer, keys and values alike are
 * laid out in blocks, as {@link AttentionShapes} says.
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
     * @param sourceBlock for each block of the sequence the index of the block there
     * @param block for each block of the sequence the index of the block here
     * @param from first position to copy
     * @param to end of the positions
     * @return bytes copied
     */
    public long copyFrom(HostKv source, IntUnaryOperator sourceBlock, IntUnaryOperator block, int from, int to) {
        if (source.heads != heads || source.rowBytes != rowBytes || source.data.size() != data.size()) {
            throw new IllegalArgumentException("the caches hold %d and %d arrays of %d and %d heads of %d and %d bytes"
                    .formatted(source.data.size(), data.size(), source.heads, heads, source.rowBytes, rowBytes));
        }
        if (from < 0 || from > to) {
            throw new IllegalArgumentException("positions %d to %d".formatted(from, to));
        }
        for (int start = from; start < to; start = (start / BLOCK + 1) * BLOCK) {
            int positions = Math.min(to, (start / BLOCK + 1) * BLOCK) - start;
            long there = (long) sourceBlock.applyAsInt(start / BLOCK) * heads;
            long here = (long) block.applyAsInt(start / BLOCK) * heads;
            for (int array = 0; array < data.size(); array++) {
                for (int head = 0; head < heads; head++) {
                    MemorySegment.copy(
                            source.data.get(array),
                            ((there + head) * BLOCK + start % BLOCK) * rowBytes,
                            data.get(array),
                            ((here + head) * BLOCK + start % BLOCK) * rowBytes,
                            positions * rowBytes);
                }
            }
        }
        return (long) data.size() * heads * (to - from) * rowBytes;
    }
}
