package io.maseparation.moe;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DeviceArrays;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Cosines and sines of the rotary embedding, computed in double and rounded once. */
public final class RopeTable {
    private RopeTable() {}

    /**
     * {@return the table of a model's heads, as {@link #create(Rope, int, int)}}
     *
     * @param config shape and rules of the model
     * @param positions number of positions
     */
    public static FloatArray create(ModelConfig config, int positions) {
        return create(config.attention().rope(), config.headDim(), positions);
    }

    /**
     * Table for positions 0 to {@code positions - 1}: element {@code (position * (headDim / 2) + i) * 2} is the cosine
     * and the next one the sine of the angle by which element i of a head turns with element i + headDim / 2.
     *
     * @param rope frequencies
     * @param headDim elements of a head; even
     * @param positions number of positions
     * @return an array of positions * headDim elements
     * @throws ModelException if the table has more elements than an array can
     */
    public static FloatArray create(Rope rope, int headDim, int positions) {
        long size = (long) positions * headDim;
        if (headDim <= 0 || headDim % 2 != 0 || positions < 0) {
            throw new IllegalArgumentException("head dimension %d, %d positions".formatted(headDim, positions));
        }
        if (size > Integer.MAX_VALUE) {
            throw new ModelException("a rotary table of %d positions × %d is more than an array holds"
                    .formatted(positions, headDim));
        }
        FloatArray table = DeviceArrays.floats((int) size);
        int at = 0;
        for (int position = 0; position < positions; position++) {
            for (int i = 0; i < headDim / 2; i++) {
                double angle = rope.angle(position, i, headDim);
                table.set(at++, (float) Math.cos(angle));
                table.set(at++, (float) Math.sin(angle));
            }
        }
        return table;
    }
}
