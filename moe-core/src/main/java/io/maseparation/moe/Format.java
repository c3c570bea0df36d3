package io.maseparation.moe;

import io.maseparation.files.Identified;
import io.maseparation.kernels.DataType;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A number format as plans count it. Those that kernels here compute with are {@link DataType}s; all others exist for
 * planning only.
 *
 * @param id name
 * @param units units of a device that multiply numbers of this format
 * @param bits bits of an element, its part of scales and zero points included
 */
public record Format(String id, Units units, double bits) {
    /** Units that multiply, by what a cluster file names their rates after. */
    public enum Units implements Identified {
        /** fp32. */
        F32,
        /** 16 bits, with weights of fewer bits widened to that. */
        BF16,
        /** 8-bit floating point, weights and activations. */
        FP8,
        /** 8-bit integers, weights and activations. */
        INT8
    }

    /** fp32. */
    public static final Format F32 = new Format("f32", Units.F32, 32);
    /** bfloat16. */
    public static final Format BF16 = new Format("bf16", Units.BF16, 16);
    /** IEEE 754 binary16. */
    public static final Format F16 = new Format("f16", Units.BF16, 16);
    /** Blocks of 128 × 128 with a scale of 32 bits. */
    public static final Format FP8 = new Format("fp8", Units.FP8, 8 + 32 / (128.0 * 128));
    /** A scale for each row, which is too little to count. */
    public static final Format INT8 = new Format("int8", Units.INT8, 8);
    /** Groups of 128 with a scale of 16 bits and a zero point of 4, as gptq and awq store them. */
    public static final Format INT4 = new Format("int4", Units.BF16, 4 + (16 + 4) / 128.0);
    /** Groups of 32 with a scale of 8 bits. */
    public static final Format MXFP4 = new Format("mxfp4", Units.BF16, 4 + 8 / 32.0);

    /** {@return the formats that have names of their own} */
    public static List<Format> named() {
        return List.of(F32, BF16, F16, FP8, INT8, INT4, MXFP4);
    }

    /**
     * {@return a format that kernels compute with}
     *
     * @param type the kernels' name for it
     */
    public static Format of(DataType type) {
        return switch (type) {
            case F32 -> F32;
            case F16 -> F16;
            case BF16 -> BF16;
        };
    }

    /** {@return the kernels' name for it; empty for a format that they do not compute with} */
    public Optional<DataType> type() {
        return Stream.of(DataType.values()).filter(t -> t.name().toLowerCase(Locale.ROOT).equals(id)).findFirst();
    }

    /** {@return whether kernels measured with 16 bits are its own} */
    public boolean half() {
        return bits == 16;
    }

    /**
     * {@return bytes of a matrix, or of whatever else is stored together}
     *
     * @param elements number of elements
     */
    public long bytes(long elements) {
        return Math.round(elements * bits / 8);
    }
}
