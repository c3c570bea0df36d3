package io.maseparation.moe.segments;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.operations.RowTransfer;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Tells whether a device answers. TornadoVM's PTX backend goes on when its driver fails, and what the host then reads
 * is what stood in its arrays before.
 */
final class Answers {
    /** A NaN, as an integer, that no kernel writes. */
    private static final int NO_ANSWER = 0x7fc0a5a5;

    private final List<FloatArray> floats;
    private final List<IntArray> ints;
    private final List<RowTransfer> rows;

    /**
     * @param arrays arrays that come back whole at every execution and never go to the device
     * @param rows likewise of which a step's rows come back
     */
    Answers(List<Object> arrays, List<RowTransfer> rows) {
        this.rows = rows;
        floats = arrays.stream().filter(FloatArray.class::isInstance).map(FloatArray.class::cast).toList();
        ints = arrays.stream().filter(IntArray.class::isInstance).map(IntArray.class::cast).toList();
    }

    /** To be called before an execution. */
    void expect() {
        floats.forEach(array -> array.set(0, Float.intBitsToFloat(NO_ANSWER)));
        ints.forEach(array -> array.set(0, NO_ANSWER));
        for (RowTransfer r : rows) {
            if (r.size() > 0) {
                r.array().set(r.from(), Float.intBitsToFloat(NO_ANSWER));
            }
        }
    }

    /**
     * To be called after it, when rows have come back as well.
     *
     * @throws ModelException if an array is as it was before
     */
    void check() {
        boolean none = floats.stream().anyMatch(array -> Float.floatToRawIntBits(array.get(0)) == NO_ANSWER)
                || ints.stream().anyMatch(array -> array.get(0) == NO_ANSWER)
                || rows.stream().anyMatch(r -> r.size() > 0
                        && Float.floatToRawIntBits(r.array().get(r.from())) == NO_ANSWER);
        if (none) {
            throw new ModelException("the device gives no answer: its driver failed, and said above what it failed at");
        }
    }
}
