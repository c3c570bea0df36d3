package io.maseparation.kernels;

import java.util.List;
import java.util.function.UnaryOperator;
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

    /** The gate; up for an expert of two matrices, since a kernel takes no null. */
    public WeightMatrix gateOrUp() {
        return gate == null ? up : gate;
    }

    /** The two or three matrices. */
    public List<WeightMatrix> matrices() {
        return gate == null ? List.of(up, down) : List.of(gate, up, down);
    }

    /** The same with other matrices of these shapes in place of its own. */
    public ExpertWeights map(UnaryOperator<WeightMatrix> other) {
        return new ExpertWeights(gate == null ? null : other.apply(gate), other.apply(up), other.apply(down));
    }

    /** Bytes of all matrices in view. */
    public long bytes() {
        return matrices().stream().mapToLong(WeightMatrix::bytes).sum();
    }
}
