package io.maseparation.moe;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DeviceArrays;
import java.util.Collection;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Cosines and sines of the rotary embedding, computed in double and rounded once. Where frequencies depend on a
 * request's length, there is one part for all requests of the same frequencies, and other requests of the batch change
 * nothing.
 */
public final class RopeTable {
    private final Rope rope;
    private final FloatArray values;
    private final Map<Integer, Integer> firstRows = new TreeMap<>();

    private RopeTable(Rope rope, int headDim, Collection<Integer> positions) {
        this.rope = rope;
        int pairs = rope.pairs(headDim);
        if (headDim % 2 != 0 || pairs < 1) {
            throw new IllegalArgumentException("head dimension %d, %d pairs".formatted(headDim, pairs));
        }
        Map<Integer, Integer> parts = new TreeMap<>();
        positions.forEach(p -> parts.merge(rope.same(p + 1), p, Math::max));
        long rows = parts.values().stream().mapToLong(p -> p).sum();
        if (rows * 2 * pairs > Integer.MAX_VALUE) {
            throw new ModelException("a rotary table of %d positions × %d is more than an array holds"
                    .formatted(rows, 2 * pairs));
        }
        values = DeviceArrays.floats((int) Math.max(1, rows) * 2 * pairs);
        int row = 0;
        for (Map.Entry<Integer, Integer> part : parts.entrySet()) {
            firstRows.put(part.getKey(), row);
            double[] frequencies = rope.frequencies(headDim, part.getKey());
            for (int position = 0; position < part.getValue(); position++, row++) {
                for (int i = 0; i < pairs; i++) {
                    double angle = position * frequencies[i];
                    int at = 2 * (row * pairs + i);
                    values.set(at, (float) (Math.cos(angle) * rope.scaling().attention()));
                    values.set(at + 1, (float) (Math.sin(angle) * rope.scaling().attention()));
                }
            }
        }
    }

    /**
     * {@return the table of a model's heads}
     *
     * @param config shape and rules of the model
     * @param positions positions in the cache of every length of sequence: all tokens of its request but the last
     * @throws ModelException if the table has more elements than an array can
     */
    public static RopeTable create(ModelConfig config, Collection<Integer> positions) {
        return create(config.attention().rope(), config.headDim(), positions);
    }

    /** As {@link #create(ModelConfig, Collection)}, of an embedding. */
    static RopeTable create(Rope rope, int headDim, Collection<Integer> positions) {
        return new RopeTable(rope, headDim, positions);
    }

    /**
     * {@return [rows, pairs, 2]: cosine and sine of the angle by which each pair of elements of a head turns}
     */
    public FloatArray values() {
        return values;
    }

    /**
     * {@return row of a sequence's first position}
     *
     * @param positions positions of the sequence in the cache, one of those that the table was made for
     */
    public int firstRow(int positions) {
        return Objects.requireNonNull(firstRows.get(rope.same(positions + 1)));
    }
}
