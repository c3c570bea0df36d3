package io.maseparation.parallel.layout;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Something for each group of ranks and each of its micro-batches, such as the sequences that are in it.
 *
 * @param groups by group, then micro-batch; every group has as many micro-batches
 * @param <T> what there is for each
 */
public record PerMicroBatch<T>(List<List<T>> groups) {
    /** Copies the lists. */
    public PerMicroBatch {
        groups = groups.stream().map(List::copyOf).toList();
    }

    /**
     * What makes the entry of a group and micro-batch.
     *
     * @param <T> what there is for each
     */
    public interface Maker<T> {
        /**
         * {@return the entry}
         *
         * @param group index of the group
         * @param microBatch index of the micro-batch
         */
        T make(int group, int microBatch);
    }

    /**
     * {@return entries made one after the other}
     *
     * @param groups number of groups
     * @param microBatches micro-batches of each group
     * @param maker makes the entry of each group and micro-batch
     * @param <T> what there is for each
     */
    public static <T> PerMicroBatch<T> of(int groups, int microBatches, Maker<T> maker) {
        List<List<T>> all = new ArrayList<>();
        for (int group = 0; group < groups; group++) {
            List<T> ofGroup = new ArrayList<>();
            for (int m = 0; m < microBatches; m++) {
                ofGroup.add(maker.make(group, m));
            }
            all.add(ofGroup);
        }
        return new PerMicroBatch<>(all);
    }

    /**
     * {@return the entry of a group and micro-batch}
     *
     * @param group index of the group
     * @param microBatch index of the micro-batch
     */
    public T get(int group, int microBatch) {
        return groups.get(group).get(microBatch);
    }

    /**
     * {@return the entries of a group, by micro-batch}
     *
     * @param group index of the group
     */
    public List<T> group(int group) {
        return groups.get(group);
    }

    /** {@return number of groups} */
    public int size() {
        return groups.size();
    }

    /** {@return number of micro-batches of every group} */
    public int microBatches() {
        return groups.getFirst().size();
    }

    /**
     * {@return what comes of each entry}
     *
     * @param change what to do with each entry
     * @param <R> what comes of an entry
     */
    public <R> PerMicroBatch<R> map(Function<T, R> change) {
        return of(size(), microBatches(), (group, m) -> change.apply(get(group, m)));
    }
}
