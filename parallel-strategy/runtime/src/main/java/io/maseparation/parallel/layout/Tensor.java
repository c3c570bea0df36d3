package io.maseparation.parallel.layout;

import java.util.Locale;

/** What travels between ranks. */
public enum Tensor {
    /** Normed activations and expert slots of rows, from the rank of their attention to a rank of their experts. */
    DISPATCH,
    /** Outputs of experts, one row for each row and expert, back to the rank of the attention. */
    COMBINE,
    /** Rows that crossed to a node, from the rank that got them to another one of their experts there. */
    FORWARD,
    /** Sums over the experts of such rows, back to the rank that forwarded them. */
    GATHER,
    /** Residual stream of rows, from a pipeline stage to the next. */
    HIDDEN,
    /** Partial sums of an attention or expert output over slices of heads or width. */
    PARTIAL,
    /** Sums of squares of queries and keys over slices of heads. */
    SUMS,
    /** Logits of a slice of the vocabulary. */
    LOGITS,
    /** Sampled tokens, to the ranks that embed them. */
    TOKENS;

    private final String label = name().toLowerCase(Locale.ROOT);

    /** {@return its name as reports and traces have it} */
    public String label() {
        return label;
    }
}
