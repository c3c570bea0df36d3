package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.ModelSize;

/**
 * Where A attention and M expert devices are busy for equally long, when reading memory is all that takes time. A
 * micro-batch of b sequences at context c reads Wa + (b/A)·c·κ on an attention device and D(b)·We/M on an expert
 * device, per layer; both are equal where
 *
 * <pre>b·c = A (D(b)·We/M − Wa) / κ</pre>
 *
 * with Wa the attention's bytes of a layer, We those of an expert, κ those of a token's keys and values, and D(b) the
 * experts that b rows visit.
 *
 * @param bounds of the model; its first layer counts
 * @param attention A
 * @param experts M
 */
record BalanceLine(Bounds bounds, int attention, int experts) {
    /** Of the paper's ratio. */
    static BalanceLine ofThreeToOne(Context context) {
        return new BalanceLine(
                context.bounds(context.model()), Paper.ATTENTION_DEVICES,
                Paper.EXPERT_DEVICES);
    }

    /**
     * Tokens of context of a whole micro-batch, b·c, at which both pools are busy for equally long; may be negative.
     */
    double tokens(double rows) {
        ModelSize.Layer layer = bounds.size().layers().getFirst();
        return attention
                * (bounds.visitedExperts(0, rows) * layer.expertBytes() / experts - layer.attentionBytes())
                / bounds.kvBytesPerToken();
    }

    /** The context c at which a micro-batch of {@code rows} sequences is balanced; not positive where none is. */
    double context(double rows) {
        return tokens(rows) / rows;
    }

    /** Sequences of a micro-batch that are balanced at a context. */
    double rows(int context) {
        double low = 1;
        double high = 1 << 24;
        // context(rows) falls with rows: visits are concave.
        for (int i = 0; i < 100; i++) {
            double middle = Math.sqrt(low * high);
            if (context(middle) > context) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
