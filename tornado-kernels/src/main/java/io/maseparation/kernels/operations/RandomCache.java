package io.maseparation.kernels.operations;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.CacheGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.portable.CachePortable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Makes the contents of a cache on the device: random values where a context is, zeros elsewhere. An element is a
 * function of the layer, the sequence, the head and the position: with {@code key(k, p) = bits(bits(k, p), ~p)} and
 * SplitMix64's {@code bits(k, c)} (Steele, Lea and Flood 2014), four elements {@code 4c} to {@code 4c + 3} of the
 * positions of a head are chosen from the values by 16 bits each of {@code bits(key(key(key(layer, sequence), head),
 * kind), c)}.
 */
public final class RandomCache {
    /** Values that one is chosen from. */
    public static final int VALUES = 1 << 16;

    /** Elements of {@link Context#stream}. */
    public static final int STREAM = 4;

    private RandomCache() {}

    /**
     * What is random.
     *
     * @param stream [4]: key of the layer, its lower and its upper half; number of the cache's first head in the layer;
     *     kind
     * @param blocks [blocks, 3]: for each block the number of its sequence, the position where it begins, and how many
     *     of its positions, from there on, are random
     * @param values [{@value #VALUES} + 1], FloatArray or HalfFloatArray, as {@link #values} makes it
     */
    public record Context(IntArray stream, IntArray blocks, TornadoNativeArray values) {}

    /**
     * {@return room for the values that one is chosen from, with the zero after them}
     *
     * @param type F32 or F16
     */
    public static TornadoNativeArray values(DataType type) {
        return DeviceArrays.of(type, VALUES + 1);
    }

    /**
     * {@return whether heads can be made on a device}
     *
     * @param headDim columns of a head
     */
    public static boolean possible(int headDim) {
        return headDim % 4 == 0;
    }

    /**
     * Adds the task.
     *
     * @param context what is random
     * @param part the heads, for their number and columns
     * @param cache [blocks, heads of the part, BLOCK, columns], the part's keys or values
     * @throws IllegalArgumentException if an array is too short, or columns are not a multiple of 4
     */
    public static void add(KernelGraph g, String id, Context context, KvCache.Part part, TornadoNativeArray cache) {
        int headDim = part.cache().headDim();
        int heads = part.heads();
        Require.multiple("RandomCache", "headDim", headDim, 4);
        Require.length("RandomCache", "stream", context.stream, STREAM);
        Require.length("RandomCache", "values", context.values, VALUES + 1);
        int block = Math.multiplyExact(Math.multiplyExact(heads, headDim), KvCache.BLOCK);
        Require.multiple("RandomCache", "cache", cache.getSize(), block);
        Require.length("RandomCache", "blocks", context.blocks, 3L * (cache.getSize() / block));
        int fours = cache.getSize() / 4;
        IntArray stream = context.stream;
        IntArray blocks = context.blocks;
        boolean grouped = g.target().choose().body() == Body.GPU;
        WorkerGrid workers = WorkerGrids.elements(fours);
        switch (part.cache().type()) {
            case F32 -> {
                FloatArray values = (FloatArray) context.values;
                FloatArray out = (FloatArray) cache;
                if (grouped) {
                    g.task(id, workers, t -> t.task(
                            id, CacheGpu::f32, g.context(), stream, blocks, values, out, fours, heads, headDim));
                } else {
                    g.task(id, t -> t.task(
                            id, CachePortable::f32, stream, blocks, values, out, fours, heads, headDim));
                }
            }
            case F16 -> {
                HalfFloatArray values = (HalfFloatArray) context.values;
                HalfFloatArray out = (HalfFloatArray) cache;
                if (grouped) {
                    g.task(id, workers, t -> t.task(
                            id, CacheGpu::f16, g.context(), stream, blocks, values, out, fours, heads, headDim));
                } else {
                    g.task(id, t -> t.task(
                            id, CachePortable::f16, stream, blocks, values, out, fours, heads, headDim));
                }
            }
            case BF16 -> throw new IllegalArgumentException("RandomCache: a cache in BF16");
        }
    }
}
