package io.maseparation.kernels;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/** All operations, in the order of a forward pass, and the bodies each of them has: what a listing shows. */
public enum Operation {
    /** {@link Embedding}. */
    EMBEDDING(false),
    /** {@link RmsNorm}. */
    RMS_NORM(true),
    /** {@link QkvProjection}. */
    QKV_PROJECTION(true),
    /** {@link SumOfSquares}. */
    SUM_OF_SQUARES(true),
    /** {@link ScaleByRms}. */
    SCALE_BY_RMS(false),
    /** {@link HeadRmsNorm}. */
    HEAD_RMS_NORM(true),
    /** {@link Clip}. */
    CLIP(false),
    /** {@link RopeAppend}. */
    ROPE_APPEND(false),
    /** {@link PrefillAttention}. */
    PREFILL_ATTENTION(true),
    /** {@link DecodeAttention}. */
    DECODE_ATTENTION(true),
    /** {@link Projection}. */
    PROJECTION(true),
    /** {@link ResidualAdd}. */
    RESIDUAL_ADD(false),
    /** {@link Router}. */
    ROUTER(true),
    /** {@link Dispatch}. */
    DISPATCH(true),
    /** {@link ExpertUp}. */
    EXPERT_UP(true),
    /** {@link ExpertDown}. */
    EXPERT_DOWN(true),
    /** {@link Combine}. */
    COMBINE(false),
    /** {@link SelectRows}. */
    SELECT_ROWS(false),
    /** {@link ArgMax}. */
    ARG_MAX(true);

    private final boolean gpu;

    Operation(boolean gpu) {
        this.gpu = gpu;
    }

    /** Name in listings. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Bodies that it has. */
    public Set<Body> bodies() {
        return gpu ? EnumSet.allOf(Body.class) : EnumSet.of(Body.PORTABLE, Body.HOST);
    }
}
