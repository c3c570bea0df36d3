package io.maseparation.kernels;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.RandomAccess;
import java.util.function.UnaryOperator;

/** Experts, in the banks that their loader made. The group of an expert is its index. */
public final class ExpertBanks extends AbstractList<ExpertWeights> implements RandomAccess {
    /** No experts. */
    public static final ExpertBanks NONE = new ExpertBanks(List.of());

    private final List<ExpertBank> banks;
    private final int size;

    private ExpertBanks(List<ExpertBank> banks) {
        this.banks = List.copyOf(banks);
        size = banks.stream().mapToInt(ExpertBank::count).sum();
    }

    /** Experts that have arrays of their own, so that each is a bank. */
    public static ExpertBanks separate(List<ExpertWeights> experts) {
        List<ExpertBank> banks = new ArrayList<>();
        experts.forEach(expert -> banks.add(ExpertBank.single(banks.size(), expert)));
        return new ExpertBanks(banks);
    }

    /**
     * Experts that lie one after the other in the same arrays.
     *
     * @param count number of experts, at least 1
     * @param first matrices of the first
     * @param inStride elements between the gates, and between the up matrices, of two experts
     * @param downStride elements between the down matrices of two experts
     */
    public static ExpertBanks stacked(int count, ExpertWeights first, int inStride, int downStride) {
        return new ExpertBanks(List.of(
                count == 1
                        ? ExpertBank.single(0, first)
                        : new ExpertBank(0, count, first, first.gated() ? inStride : 0, inStride, downStride)));
    }

    /**
     * Experts of several, one after the other, in the banks that they have.
     *
     * @param parts in the order that their experts shall have
     */
    public static ExpertBanks joined(List<ExpertBanks> parts) {
        List<ExpertBank> all = new ArrayList<>();
        int before = 0;
        for (ExpertBanks part : parts) {
            for (ExpertBank bank : part.banks) {
                all.add(bank.after(before));
            }
            before += part.size;
        }
        return new ExpertBanks(all);
    }

    /** The banks, in the order of their groups. */
    public List<ExpertBank> banks() {
        return banks;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public ExpertWeights get(int index) {
        ExpertBank bank = bankOf(index);
        return bank.expert(index - bank.firstGroup());
    }

    private ExpertBank bankOf(int index) {
        for (ExpertBank bank : banks) {
            if (index >= bank.firstGroup() && index < bank.firstGroup() + bank.count()) {
                return bank;
            }
        }
        throw new IndexOutOfBoundsException("expert %d of %d".formatted(index, size));
    }

    /**
     * Some of the experts, in as few banks as they allow: experts of one bank that follow each other at equal distances
     * are one bank still.
     *
     * @param experts indices, in the order that the experts shall have
     */
    public ExpertBanks select(List<Integer> experts) {
        List<ExpertBank> selected = new ArrayList<>();
        for (int i = 0; i < experts.size();) {
            ExpertBank bank = bankOf(experts.get(i));
            int end = bank.firstGroup() + bank.count();
            int step = i + 1 < experts.size() ? experts.get(i + 1) - experts.get(i) : -1;
            int count = 1;
            while (step >= 0
                    && i + count < experts.size()
                    && experts.get(i + count) < end
                    && experts.get(i + count) - experts.get(i + count - 1) == step) {
                count++;
            }
            int from = experts.get(i) - bank.firstGroup();
            selected.add(bank.every(i, from, count == 1 ? 0 : step, count));
            i += count;
        }
        return new ExpertBanks(selected);
    }

    /**
     * The same banks of other experts.
     *
     * @param change of the first expert of each bank; the others change likewise, at the same distances
     */
    public ExpertBanks map(UnaryOperator<ExpertWeights> change) {
        return new ExpertBanks(
                banks.stream().map(bank -> bank.withFirst(change.apply(bank.first()))).toList());
    }

    /** These and one more, in a bank of its own. */
    public ExpertBanks plus(ExpertWeights expert) {
        List<ExpertBank> more = new ArrayList<>(banks);
        more.add(ExpertBank.single(size, expert));
        return new ExpertBanks(more);
    }
}
