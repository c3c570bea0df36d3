package uk.ac.manchester.tornado.api.types;

/** An IEEE 754 binary16 value. The arithmetic computes in fp32 and rounds the result. */
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

    /** a + b. */
    public static HalfFloat add(HalfFloat a, HalfFloat b) {
        return new HalfFloat(a.getFloat32() + b.getFloat32());
    }

    /** a − b. */
    public static HalfFloat sub(HalfFloat a, HalfFloat b) {
        return new HalfFloat(a.getFloat32() - b.getFloat32());
    }

    /** a · b. */
    public static HalfFloat mult(HalfFloat a, HalfFloat b) {
        return new HalfFloat(a.getFloat32() * b.getFloat32());
    }

    /** a / b. */
    public static HalfFloat div(HalfFloat a, HalfFloat b) {
        return new HalfFloat(a.getFloat32() / b.getFloat32());
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
