package io.maseparation.kernels;

import java.util.Locale;

/** All operations, in the order of a forward pass: what a listing shows. Each has a portable, a gpu and a host body. */
public enum Operation {
    /** {@link Embedding}. */
    EMBEDDING,
    /** {@link RmsNorm}. */
    RMS_NORM,
    /** {@link QkvProjection}. */
    QKV_PROJECTION,
    /** {@link SumOfSquares}. */
    SUM_OF_SQUARES,
    /** {@link ScaleByRms}. */
    SCALE_BY_RMS,
    /** {@link HeadRmsNorm}. */
    HEAD_RMS_NORM,
    /** {@link Clip}. */
    CLIP,
    /** {@link RopeAppend}. */
    ROPE_APPEND,
    /** {@link PrefillAttention}. */
    PREFILL_ATTENTION,
    /** {@link DecodeAttention}. */
    DECODE_ATTENTION,
    /** {@link Projection}. */
    PROJECTION,
    /** {@link ResidualAdd}. */
    RESIDUAL_ADD,
    /** {@link Router}. */
    ROUTER,
    /** {@link Dispatch}. */
    DISPATCH,
    /** {@link ExpertUp}. */
    EXPERT_UP,
    /** {@link ExpertDown}. */
    EXPERT_DOWN,
    /** {@link Combine}. */
    COMBINE,
    /** {@link SelectRows}. */
    SELECT_ROWS,
    /** {@link ArgMax}. */
    ARG_MAX;

    /** Name in listings. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
