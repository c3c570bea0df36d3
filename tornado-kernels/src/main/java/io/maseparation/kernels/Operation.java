package io.maseparation.kernels;

import java.util.Locale;

/** All operations, in the order of a forward pass: what a listing shows. Each has a portable, a gpu and a host body. */
public enum Operation {
    /** {@code Embedding}. */
    EMBEDDING,
    /** {@code RmsNorm}. */
    RMS_NORM,
    /** {@code QkvProjection}. */
    QKV_PROJECTION,
    /** {@code SumOfSquares}. */
    SUM_OF_SQUARES,
    /** {@code ScaleByRms}. */
    SCALE_BY_RMS,
    /** {@code HeadRmsNorm}. */
    HEAD_RMS_NORM,
    /** {@code Clip}. */
    CLIP,
    /** {@code RopeAppend}. */
    ROPE_APPEND,
    /** {@code PrefillAttention}. */
    PREFILL_ATTENTION,
    /** {@code DecodeAttention}. */
    DECODE_ATTENTION,
    /** {@code Projection}. */
    PROJECTION,
    /** {@code ResidualAdd}. */
    RESIDUAL_ADD,
    /** {@code Router}. */
    ROUTER,
    /** {@code Dispatch}. */
    DISPATCH,
    /** {@code ExpertUp}. */
    EXPERT_UP,
    /** {@code ExpertDown}. */
    EXPERT_DOWN,
    /** {@code Combine}. */
    COMBINE,
    /** {@code SelectRows}. */
    SELECT_ROWS,
    /** {@code ArgMax}. */
    ARG_MAX;

    /** Name in listings. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
