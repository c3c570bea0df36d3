package io.maseparation.parallel.execute.rank;

import io.maseparation.kernels.KvCache;

/**
 * The blocks that hold a sequence's keys and values in the cache of its group's ranks. The loop that makes steps adds
 * blocks before it hands out the first step that needs them; ranks read those of their steps.
 */
public final class KvTable {
    private final int capacity;
    private final int[] blocks;
    private int count;

    /**
     * A table without blocks.
     *
     * @param capacity positions of the whole request
     */
    public KvTable(int capacity) {
        this.capacity = capacity;
        blocks = new int[KvCache.blocks(capacity)];
    }

    /**
     * {@return a table of blocks that follow each other}
     *
     * @param first index of the first block
     * @param capacity positions of the whole request
     */
    public static KvTable of(int first, int capacity) {
        KvTable table = new KvTable(capacity);
        for (int i = 0; i < table.blocks.length; i++) {
            table.add(first + i);
        }
        return table;
    }

    /** {@return positions of the whole request} */
    public int capacity() {
        return capacity;
    }

    /** {@return number of blocks so far} */
    public int count() {
        return count;
    }

    /**
     * {@return a block of the cache}
     *
     * @param index index of the block in the sequence
     */
    public int block(int index) {
        return blocks[index];
    }

    /**
     * Adds the block of the next positions.
     *
     * @param block index of the block in the cache
     * @throws ArrayIndexOutOfBoundsException if the request has all its blocks
     */
    public void add(int block) {
        blocks[count++] = block;
    }
}
