package uk.ac.manchester.tornado.api.types.vectors;

import uk.ac.manchester.tornado.api.types.HalfFloat;

/** Two fp16 values that a GPU loads at once. */
public final class Half2 {
    private final HalfFloat x;
    private final HalfFloat y;

    /** The value {@code x} and, after it, {@code y}. */
    public Half2(HalfFloat x, HalfFloat y) {
        this.x = x;
        this.y = y;
    }

    /** The first value, widened. */
    public static float lowFloat(Half2 a) {
        return a.x.getFloat32();
    }

    /** The second value, widened. */
    public static float highFloat(Half2 a) {
        return a.y.getFloat32();
    }
}
