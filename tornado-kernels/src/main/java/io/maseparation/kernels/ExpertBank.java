package io.maseparation.kernels;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Experts that one task covers: matrices of equal shape at constant distances in the same arrays. Whoever loads the
 * experts makes their banks: one where all experts of a layer are stacked in one tensor, one per expert where each has
 * its own.
 *
 * @param firstGroup number of the first expert's group (see {@code Dispatch}); the others follow it
 * @param count number of experts, at least 1
 * @param first matrices of the first expert
 * @param gateStride elements between the gates of two experts
 * @param upStride elements between the up matrices of two experts
 * @param downStride elements between the down matrices of two experts
 */
public record ExpertBank(
        int firstGroup, int count, ExpertWeights first, int gateStride, int upStride, int downStride) {

    public ExpertBank {
        Require.atLeast("ExpertBank", "firstGroup", firstGroup, 0);
        Require.atLeast("ExpertBank", "count", count, 1);
        within("gate", first.gate(), count, gateStride);
        within("up", first.up(), count, upStride);
        within("down", first.down(), count, downStride);
    }

    private static void within(String name, @Nullable WeightMatrix m, int count, int stride) {
        if (m == null || m.rows() == 0) {
            return;
        }
        Require.atLeast("ExpertBank", name + " stride", stride, 0);
        long end = m.offset() + (count - 1L) * stride + (m.rows() - 1L) * m.rowStride() + m.cols();
        if (end > m.data().getSize()) {
            throw new IllegalArgumentException("ExpertBank: %s of expert %d ends at element %d of an array of %d"
                    .formatted(name, count - 1, end, m.data().getSize()));
        }
    }

    /** A bank of one expert. */
    static ExpertBank single(int group, ExpertWeights expert) {
        return new ExpertBank(group, 1, expert, 0, 0, 0);
    }

    /** The expert at an index, 0 to {@link #count} − 1. */
    ExpertWeights expert(int index) {
        Objects.checkIndex(index, count);
        return new ExpertWeights(
                first.gate() == null ? null : moved(first.gate(), index * gateStride),
                moved(first.up(), index * upStride),
                moved(first.down(), index * downStride));
    }

    private static WeightMatrix moved(WeightMatrix m, int elements) {
        return new WeightMatrix(m.type(), m.data(), m.offset() + elements, m.rows(), m.cols(), m.rowStride());
    }

    /** Every {@code step}th of the experts, {@code number} of them, as a bank of their own. */
    ExpertBank every(int group, int from, int step, int number) {
        return new ExpertBank(group, number, expert(from), step * gateStride, step * upStride, step * downStride);
    }

    /** The same experts after so many others. */
    ExpertBank after(int others) {
        return new ExpertBank(firstGroup + others, count, first, gateStride, upStride, downStride);
    }

    /** A bank of as many experts at the same distances, of which {@code other} is the first. */
    ExpertBank withFirst(ExpertWeights other) {
        return new ExpertBank(firstGroup, count, other, gateStride, upStride, downStride);
    }

    /** Bytes of the matrices of all experts. */
    public long bytes() {
        return count * first.bytes();
    }
}
