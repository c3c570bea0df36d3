package uk.ac.manchester.tornado.api.types;

/** Conversions between fp32 and bfloat16, which is the upper half of an fp32. */
public final class BFloat16 {
    private BFloat16() {}

    /** The value of a bit pattern. */
    public static float bf16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** The bit pattern of the nearest bfloat16; ties to even. */
    public static short bf16FromFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            // Rounding could carry a NaN's payload over into an infinity.
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
