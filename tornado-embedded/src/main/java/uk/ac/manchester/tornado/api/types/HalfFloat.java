package uk.ac.manchester.tornado.api.types;

/** An IEEE 754 binary16 value. */
public class HalfFloat {
    private final short bits;

    /** @param halfFloat rounded to the nearest binary16 */
    public HalfFloat(float halfFloat) {
        bits = Float.floatToFloat16(halfFloat);
    }

    /** @param halfFloat bit pattern */
    public HalfFloat(short halfFloat) {
        bits = halfFloat;
    }

    /** The bit pattern. */
    public short getHalfFloatValue() {
        return bits;
    }

    /** The value, widened. */
    public float getFloat32() {
        return Float.float16ToFloat(bits);
    }

    @Override
    public String toString() {
        return Float.toString(getFloat32());
    }
}
