package io.maseparation.parallel.engine;

import io.maseparation.kernels.KvCache;
import io.maseparation.parallel.execute.rank.KvTable;
import java.util.Optional;

/** Hands out blocks one by one, whatever their places: none is lost between those of others. */
final class BlockPool implements KvPool {
    /** Blocks that nobody has, the next one last. */
    private final int[] free;
    private int left;

    /** @param positions of the cache; what is not a whole block is not used */
    BlockPool(int positions) {
        free = new int[positions / KvCache.BLOCK];
        for (int i = 0; i < free.length; i++) {
            free[i] = free.length - 1 - i;
        }
        left = free.length;
    }

    @Override
    public int size() {
        return free.length * KvCache.BLOCK;
    }

    @Override
    public int used() {
        return (free.length - left) * KvCache.BLOCK;
    }

    @Override
    public Optional<KvTable> allocate(int now, int most) {
        KvTable table = new KvTable(most);
        return reach(table, now) ? Optional.of(table) : Optional.empty();
    }

    @Override
    public boolean reach(KvTable table, int positions) {
        int more = KvCache.blocks(positions) - table.count();
        if (more > left) {
            return false;
        }
        for (int i = 0; i < more; i++) {
            table.add(free[--left]);
        }
        return true;
    }

    @Override
    public void free(KvTable table) {
        for (int i = table.count() - 1; i >= 0; i--) {
            free[left++] = table.block(i);
        }
    }
}
