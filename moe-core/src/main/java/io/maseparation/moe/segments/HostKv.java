package io.maseparation.moe.segments;

import static io.maseparation.kernels.KvCache.BLOCK;

import io.maseparation.kernels.KvCache;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * Host view of a rank's KV cache, for those who move sequences between ranks. Of each layer, keys and values alike are
 * laid out in blocks, as {@link KvCache} says.
 */
public final class HostKv {
    private final List<KvCache> caches;
    private final Runnable beforeUse;

    /**
     * @param caches by layer
     * @param beforeUse fills the caches with what a device would have filled its own with
     */
    HostKv(List<KvCache> caches, Runnable beforeUse) {
        this.caches = List.copyOf(caches);
        this.beforeUse = beforeUse;
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
        if (source.caches.size() != caches.size()) {
            throw new IllegalArgumentException(
                    "the caches are of %d and %d layers".formatted(source.caches.size(), caches.size()));
        }
        if (from < 0 || from > to) {
            throw new IllegalArgumentException("positions %d to %d".formatted(from, to));
        }
        source.beforeUse.run();
        beforeUse.run();
        long bytes = 0;
        for (int layer = 0; layer < caches.size(); layer++) {
            KvCache there = source.caches.get(layer);
            KvCache here = caches.get(layer);
            if (there.heads() != here.heads() || there.headDim() != here.headDim() || there.type() != here.type()) {
                throw new IllegalArgumentException("the caches have %d and %d heads of %d and %d columns of %s and %s"
                        .formatted(there.heads(), here.heads(), there.headDim(), here.headDim(), there.type(),
                                here.type()));
            }
            int type = here.type().bytes();
            for (int start = from; start < to; start = (start / BLOCK + 1) * BLOCK) {
                int count = Math.min(to, (start / BLOCK + 1) * BLOCK) - start;
                long size = (long) count * here.headDim() * type;
                for (int head = 0; head < here.heads(); head++) {
                    KvCache.Part old = there.partOf(head);
                    KvCache.Part own = here.partOf(head);
                    long fromByte = type * old.element(sourceBlock.applyAsInt(start / BLOCK), head, start);
                    long toByte = type * own.element(block.applyAsInt(start / BLOCK), head, start);
                    MemorySegment.copy(old.keys().getSegment(), fromByte, own.keys().getSegment(), toByte, size);
                    MemorySegment.copy(old.values().getSegment(), fromByte, own.values().getSegment(), toByte, size);
                    bytes += 2 * size;
                }
            }
        }
        return bytes;
    }
}
