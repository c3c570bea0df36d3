package io.maseparation.parallel.simulate;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Counts of rows at experts that bounds and simulations of one layout share, also of models that have only its first
 * layers; batch, routing and seed are the same in all of them. Not thread-safe.
 */
public final class SharedLoads {
    /** Most numbers that are kept: 32 MiB. */
    private static final long MOST_KEPT = 1L << 23;

    private long numbers;
    private final Map<Key, ExpertLoads.Counts> counts = new HashMap<>();

    private record Key(int layer, int microBatch, int step) {}

    /** Shares nothing yet. */
    public SharedLoads() {}

    ExpertLoads.Counts of(int layer, int microBatch, int step, Supplier<ExpertLoads.Counts> count) {
        Key key = new Key(layer, microBatch, step);
        ExpertLoads.Counts known = counts.get(key);
        if (known != null) {
            return known;
        }
        ExpertLoads.Counts counted = count.get();
        numbers += counted.numbers();
        if (numbers <= MOST_KEPT) {
            counts.put(key, counted);
        }
        return counted;
    }
}
