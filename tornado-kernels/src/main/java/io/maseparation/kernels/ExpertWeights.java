package io.maseparation.kernels;

import org.jspecify.annotations.Nullable;

/**
 * One expert's matrices, or those of a dense feed-forward layer.
 *
 * @param gate [width, hidden], or null for an expert of two matrices
 * @param up [width, hidden]
 * @param down [hidden, width]
 */
public record ExpertWeights(@Nullable WeightMatrix gate, WeightMatrix up, WeightMatrix down) {

    public ExpertWeights {
        if (up.rows() != down.cols() || up.cols() != down.rows()) {
            throw new IllegalArgumentException("up is %d x %d, down is %d x %d"
                    .formatted(up.rows(), up.cols(), down.rows(), down.cols()));
        }
        if (gate != null && (gate.rows() != up.rows() || gate.cols() != up.cols())) {
            throw new IllegalArgumentException(
                    "gate is %d x %d, up is %d x %d".formatted(gate.rows(), gate.cols(), up.rows(), up.cols()));
        }
    }

    /** Whether the activation of a gate multiplies the up projection. */
    public boolean gated() {
        return gate != null;
    }

    /** Inner width. */
    public int width() {
        return up.rows();
    }

    /** The slice of inner width {@code from} to {@code to}, for tensor parallelism: a partial sum of the output. */
    public ExpertWeights widthRange(int from, int to) {
        return new ExpertWeights(
                gate == null ? null : gate.rowRange(from, to), up.rowRange(from, to), down.colRange(from, to));
    }

    /** Bytes of all matrices in view. */
    public long bytes() {
        return (gate == null ? 0 : gate.bytes()) + up.bytes() + down.bytes();
    }
}
