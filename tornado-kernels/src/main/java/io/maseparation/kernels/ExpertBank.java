package io.maseparation.kernels;

import java.util.ArrayList;
import java.util.List;

/**
 * Experts that one task covers: matrices of equal shape at constant distances in the same arrays. Checkpoints that
 * stack the experts of a layer in one tensor make one bank; those with a tensor an expert make a bank an expert.
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

    private static void within(String name, WeightMatrix m, int count, int stride) {
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

    /**
     * The fewest banks of neighbouring experts, in order.
     *
     * @param experts experts by group
     * @param firstGroup group of the first of them
     */
    public static List<ExpertBank> of(List<ExpertWeights> experts, int firstGroup) {
        List<ExpertBank> banks = new ArrayList<>();
        for (int i = 0; i < experts.size();) {
            ExpertWeights first = experts.get(i);
            int count = 1;
            int gate = 0;
            int up = 0;
            int down = 0;
            if (i + 1 < experts.size() && alike(first, experts.get(i + 1))) {
                ExpertWeights second = experts.get(i + 1);
                gate = first.gated() ? second.gate().offset() - first.gate().offset() : 0;
                up = second.up().offset() - first.up().offset();
                down = second.down().offset() - first.down().offset();
                if (gate >= 0 && up >= 0 && down >= 0) {
                    while (i + count < experts.size()
                            && follows(first, experts.get(i + count), count, gate, up, down)) {
                        count++;
                    }
                }
            }
            banks.add(
                    count == 1
                            ? new ExpertBank(firstGroup + i, 1, first, 0, 0, 0)
                            : new ExpertBank(firstGroup + i, count, first, gate, up, down));
            i += count;
        }
        return List.copyOf(banks);
    }

    private static boolean follows(ExpertWeights first, ExpertWeights e, int index, long gate, long up, long down) {
        return alike(first, e)
                && (!first.gated() || e.gate().offset() == first.gate().offset() + index * gate)
                && e.up().offset() == first.up().offset() + index * up
                && e.down().offset() == first.down().offset() + index * down;
    }

    private static boolean alike(ExpertWeights a, ExpertWeights b) {
        return a.gated() == b.gated()
                && (!a.gated() || alike(a.gate(), b.gate()))
                && alike(a.up(), b.up())
                && alike(a.down(), b.down());
    }

    /** Shape, and the very same array. */
    @SuppressWarnings("ReferenceEquality")
    private static boolean alike(WeightMatrix a, WeightMatrix b) {
        return a.data() == b.data()
                && a.type() == b.type()
                && a.rows() == b.rows()
                && a.cols() == b.cols()
                && a.rowStride() == b.rowStride();
    }

    /** Bytes of the matrices of all experts. */
    public long bytes() {
        return count * first.bytes();
    }
}
