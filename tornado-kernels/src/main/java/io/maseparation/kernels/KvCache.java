package io.maseparation.kernels;

import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Keys and values of one layer: a pool of blocks of {@value #BLOCK} positions, of which each sequence has a table
 * (PagedAttention, Kwon et al., arXiv 2309.06180).
 *
 * <p>Keys, and values likewise, are [blocks, heads, BLOCK, headDim]. Where that is more than an array can have, it is
 * cut by heads into several arrays of equally many. An array of its own says where rows are: [rows, 3], the position of
 * the row, the index in this array where the table of its sequence begins, and the row of the rotary table; then the
 * tables. With {@code t} the second of these, the element of a position p is {@code ((rowInfo[t + p / BLOCK] · heads +
 * head) · BLOCK + p mod BLOCK) · headDim + d}, with heads counted in the array.
 *
 * @param type F32 or F16
 * @param heads key and value heads
 * @param headDim columns of a head
 * @param keys FloatArray or HalfFloatArray, by group of heads
 * @param values likewise
 */
public record KvCache(
        DataType type, int heads, int headDim, List<TornadoNativeArray> keys, List<TornadoNativeArray> values) {
    /** Positions of a block: a multiple of what the bodies take of a sequence at once. */
    public static final int BLOCK = 64;

    /**
     * Checks the arrays.
     *
     * @throws IllegalArgumentException if they do not fit together
     */
    public KvCache {
        keys = List.copyOf(keys);
        values = List.copyOf(values);
        Require.atLeast("KvCache", "headDim", headDim, 1);
        Require.multiple("KvCache", "heads", heads, keys.size());
        if (values.size() != keys.size()) {
            throw new IllegalArgumentException(
                    "KvCache: %d arrays of keys and %d of values".formatted(keys.size(), values.size()));
        }
        Class<?> expected =
                switch (type) {
                    case F32 -> FloatArray.class;
                    case F16 -> HalfFloatArray.class;
                    case BF16 -> throw new IllegalArgumentException("KvCache: type is BF16, expected F32 or F16");
                };
        int block = Math.multiplyExact(heads / keys.size() * headDim, BLOCK);
        for (int part = 0; part < keys.size(); part++) {
            Require.type("KvCache", "keys", keys.get(part), expected);
            Require.type("KvCache", "values", values.get(part), expected);
            Require.multiple("KvCache", "keys", keys.get(part).getSize(), block);
            Require.length("KvCache", "keys", keys.get(part), keys.getFirst().getSize());
            Require.length("KvCache", "values", values.get(part), keys.getFirst().getSize());
        }
    }

    /**
     * {@return blocks that hold a number of positions}
     *
     * @param positions number of positions of a sequence
     */
    public static int blocks(int positions) {
        return Math.ceilDiv(positions, BLOCK);
    }

    /**
     * {@return a cache of zeros}
     *
     * @param type F32 or F16
     * @param blocks number of blocks, at least 1
     * @param heads key and value heads
     * @param headDim columns of a head
     * @throws IllegalArgumentException if the keys of one head are more than an array can have
     */
    public static KvCache zeros(DataType type, int blocks, int heads, int headDim) {
        int parts = parts(blocks, heads, headDim, Integer.MAX_VALUE);
        int size = Math.toIntExact((long) blocks * BLOCK * (heads / parts) * headDim);
        List<TornadoNativeArray> keys = new ArrayList<>();
        List<TornadoNativeArray> values = new ArrayList<>();
        for (int part = 0; part < parts; part++) {
            keys.add(DeviceArrays.of(type, size));
            values.add(DeviceArrays.of(type, size));
        }
        return new KvCache(type, heads, headDim, keys, values);
    }

    /** Arrays of at most so many elements, in as few parts as heads can be cut into. */
    static int parts(int blocks, int heads, int headDim, int most) {
        for (int parts = 1; parts <= heads; parts++) {
            if (heads % parts == 0 && (long) blocks * BLOCK * (heads / parts) * headDim <= most) {
                return parts;
            }
        }
        throw new IllegalArgumentException("the keys of one head in %d blocks of %d positions are more than %d elements"
                .formatted(blocks, BLOCK, most));
    }

    /** {@return number of arrays that keys, and values, are cut into} */
    public int parts() {
        return keys.size();
    }

    /**
     * {@return the arrays of a group of heads}
     *
     * @param index index of the group
     */
    public Part part(int index) {
        return new Part(this, index);
    }

    /**
     * {@return the arrays that have a head}
     *
     * @param head index of the head in the cache
     */
    public Part partOf(int head) {
        return part(head * parts() / heads);
    }

    /**
     * The arrays of a group of heads.
     *
     * @param cache what they are a part of
     * @param index index of the group
     */
    public record Part(KvCache cache, int index) {
        /** {@return keys of these heads} */
        public TornadoNativeArray keys() {
            return cache.keys.get(index);
        }

        /** {@return values of these heads} */
        public TornadoNativeArray values() {
            return cache.values.get(index);
        }

        /** {@return number of these heads} */
        public int heads() {
            return cache.heads / cache.parts();
        }

        /** {@return the first of these heads} */
        public int firstHead() {
            return index * heads();
        }

        /** {@return whether there is no further part} */
        public boolean isLast() {
            return index + 1 == cache.parts();
        }

        /**
         * {@return the name of a part of a task: that of the task for the first}
         *
         * @param task name of the task
         */
        public String name(String task) {
            return index == 0 ? task : task + "_" + index;
        }

        /**
         * {@return where the columns of a head begin at a position}
         *
         * @param block block of the position
         * @param head index of the head in the cache
         * @param position position in the sequence
         */
        public long element(int block, int head, int position) {
            long row = ((long) block * heads() + head - firstHead()) * BLOCK + position % BLOCK;
            return row * cache.headDim;
        }
    }
}
