package uk.ac.manchester.tornado.api.types;

/** Conversions between fp32 and bfloat16, which is the upper half of an fp32. */
public final class BFloat16 {
    /** The largest finite bfloat16. */
    public static final float BF16_MAX = 0x1.fep127f;

    private static final short NAN = 0x7fc0;

    private BFloat16() {}

    /** The value of a bit pattern. */
    public static float bf16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /**
     * The bit pattern of the nearest bfloat16. As in TornadoVM, and unlike IEEE's default, a value halfway between two
     * goes to the one farther from zero, −0 becomes +0, and every NaN becomes {@code 0x7fc0}.
     */
    public static short bf16FromFloat(float value) {
        if (Float.isNaN(value)) {
            return NAN;
        }
        return value == 0 ? 0 : (short) ((Float.floatToRawIntBits(value) + 0x8000) >>> 16);
    }
}
