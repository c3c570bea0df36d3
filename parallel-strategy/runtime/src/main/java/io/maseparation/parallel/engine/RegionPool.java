package io.maseparation.parallel.engine;

import io.maseparation.parallel.execute.rank.KvRegion;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Hands out contiguous regions, first fit, each for the whole of a request. */
final class RegionPool implements KvPool {
    private final int size;
    /** Length of each free region by its first position; no two touch. */
    private final TreeMap<Integer, Integer> free = new TreeMap<>();
    private int used;

    RegionPool(int size) {
        this.size = size;
        if (size > 0) {
            free.put(0, size);
        }
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public int used() {
        return used;
    }

    @Override
    public Optional<KvRegion> allocate(int now, int most) {
        for (Map.Entry<Integer, Integer> region = free.firstEntry();
                region != null;
                region = free.higherEntry(region.getKey())) {
            int base = region.getKey();
            int length = region.getValue();
            if (length >= most) {
                free.remove(base);
                if (length > most) {
                    free.put(base + most, length - most);
                }
                used += most;
                return Optional.of(new KvRegion(base, most));
            }
        }
        return Optional.empty();
    }

    @Override
    public boolean reach(KvRegion region, int positions) {
        return positions <= region.capacity();
    }

    @Override
    public void free(KvRegion region) {
        int base = region.base();
        int end = base + region.capacity();
        used -= region.capacity();
        Map.Entry<Integer, Integer> before = free.floorEntry(base);
        if (before != null && before.getKey() + before.getValue() == base) {
            base = before.getKey();
        }
        Integer after = free.remove(end);
        free.put(base, end - base + (after == null ? 0 : after));
    }
}
