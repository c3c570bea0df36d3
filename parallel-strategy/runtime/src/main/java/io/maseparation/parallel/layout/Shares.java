package io.maseparation.parallel.layout;

import io.maseparation.kernels.KvCache;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Which group and micro-batch each sequence belongs to, and where its keys and values live in that group's cache.
 *
 * @param sequences for each group and micro-batch the sequences, ascending
 * @param firstBlock for each sequence the first of its blocks in its group's cache, which follow each other
 * @param capacity for each sequence its positions
 * @param groupPositions for each group the positions of its sequences' blocks
 */
public record Shares(PerMicroBatch<List<Integer>> sequences, int[] firstBlock, int[] capacity, int[] groupPositions) {

    /**
     * {@return the shares of a plan's groups and micro-batches}
     *
     * @param plan the plan
     * @param lengths positions of each sequence, those of its output included
     * @throws PlanException if a group has more positions than a cache can have
     */
    public static Shares of(Plan plan, int[] lengths) {
        return of(lengths, plan.groups(), plan.batching().microBatches(), plan.layout().expertCopies());
    }

    /**
     * {@return shares where all groups go to the same experts}
     *
     * @param lengths positions of each sequence, those of its output included
     * @param groups number of groups
     * @param microBatches micro-batches of each group
     */
    public static Shares of(int[] lengths, int groups, int microBatches) {
        return of(lengths, groups, microBatches, 1);
    }

    /**
     * Longest first to the group with the fewest positions so far, then likewise to the micro-batches of the group: the
     * greedy rule of list scheduling (Graham 1969), within 4/3 of the best. Of micro-batches with equally little, the
     * groups that go to one copy of the experts begin with different ones in turn, so that the copy has about as many
     * rows in each, also where a group has fewer sequences than there are micro-batches.
     *
     * @param lengths positions of each sequence
     * @param groups shares
     * @param microBatches parts of a share
     * @param copies copies of the experts; group G goes to copy G mod copies
     */
    private static Shares of(int[] lengths, int groups, int microBatches, int copies) {
        List<Integer> all = IntStream.range(0, lengths.length).boxed().toList();
        return of(deal(all, lengths, groups, 0), lengths, microBatches, copies);
    }

    /**
     * {@return shares of some sequences whose groups are known}
     *
     * @param plan the plan
     * @param owners group of each sequence; −1 for one that has ended and has no share
     * @param lengths positions of each sequence
     */
    public static Shares owned(Plan plan, List<Integer> owners, int[] lengths) {
        List<List<Integer>> byGroup = RankLists.empty(plan.groups());
        for (int sequence = 0; sequence < lengths.length; sequence++) {
            if (owners.get(sequence) >= 0) {
                byGroup.get(owners.get(sequence)).add(sequence);
            }
        }
        return of(byGroup, lengths, plan.batching().microBatches(), plan.layout().expertCopies());
    }

    /**
     * The groups of some sequences where nothing else determines them: the rule by which all are dealt out at the
     * start.
     *
     * @param lengths positions of each sequence, those of its output included
     * @param active whether each sequence is to have a share
     * @param groups number of groups
     * @return group of each sequence; −1 for one without
     */
    public static List<Integer> owners(int[] lengths, boolean[] active, int groups) {
        List<Integer> all = IntStream.range(0, lengths.length).filter(s -> active[s]).boxed().toList();
        List<List<Integer>> dealt = deal(all, lengths, groups, 0);
        return owners(lengths.length, groups, group -> dealt.get(group).stream());
    }

    private static List<Integer> owners(int n, int groups, IntFunction<Stream<Integer>> ofGroup) {
        List<Integer> owners = new ArrayList<>(Collections.nCopies(n, -1));
        for (int g = 0; g < groups; g++) {
            int group = g;
            ofGroup.apply(group).forEach(sequence -> owners.set(sequence, group));
        }
        return owners;
    }

    private static Shares of(List<List<Integer>> byGroup, int[] lengths, int microBatches, int copies) {
        int n = lengths.length;
        int groups = byGroup.size();
        List<List<List<Integer>>> sequences = new ArrayList<>();
        int[] firstBlock = new int[n];
        int[] groupPositions = new int[groups];
        for (int group = 0; group < groups; group++) {
            long blocks = 0;
            for (int sequence : byGroup.get(group)) {
                firstBlock[sequence] = (int) blocks;
                blocks += KvCache.blocks(lengths[sequence]);
                if (blocks * KvCache.BLOCK > Integer.MAX_VALUE) {
                    throw new PlanException(
                            "a KV cache has at most %d positions, and group %d of %d has sequences of more: lower the batch or the context, or divide it among more ranks"
                                    .formatted(Integer.MAX_VALUE, group, groups));
                }
            }
            groupPositions[group] = (int) blocks * KvCache.BLOCK;
            sequences.add(deal(byGroup.get(group), lengths, microBatches, group / copies % microBatches));
        }
        return new Shares(new PerMicroBatch<>(sequences), firstBlock, lengths, groupPositions);
    }

    /** {@return the group of each sequence; −1 for one that has no share} */
    public List<Integer> owners() {
        return owners(capacity.length, sequences.groups().size(),
                g -> sequences.group(g).stream().flatMap(List::stream));
    }

    /**
     * {@return whether every sequence of a group has the same place in the cache of a group of other shares}
     *
     * @param group index of the group
     * @param other other shares of the same sequences
     * @param otherGroup group of the other shares; −1 for none
     */
    public boolean sameCache(int group, Shares other, int otherGroup) {
        if (otherGroup < 0) {
            return false;
        }
        List<Integer> owners = other.owners();
        return sequences.group(group).stream()
                .flatMap(List::stream)
                .allMatch(s -> owners.get(s) == otherGroup && firstBlock[s] == other.firstBlock[s]);
    }

    /** Whether there are any, of one length above 0. */
    private static boolean alike(List<Integer> sequences, int[] lengths) {
        if (sequences.isEmpty() || lengths[sequences.getFirst()] <= 0) {
            return false;
        }
        int length = lengths[sequences.getFirst()];
        for (int sequence : sequences) {
            if (lengths[sequence] != length) {
                return false;
            }
        }
        return true;
    }

    private static List<List<Integer>> deal(List<Integer> sequences, int[] lengths, int parts, int start) {
        List<List<Integer>> dealt = RankLists.empty(parts);
        if (alike(sequences, lengths)) {
            // The lightest is then the next one. A search does this thousands of times.
            int part = start;
            for (int sequence : sequences) {
                dealt.get(part).add(sequence);
                part = part + 1 == parts ? 0 : part + 1;
            }
            return dealt;
        }
        long[] load = new long[parts];
        List<Integer> longestFirst = new ArrayList<>(sequences);
        longestFirst.sort(Comparator.comparingInt((Integer s) -> -lengths[s]));
        for (int sequence : longestFirst) {
            int lightest = start;
            for (int i = 1; i < parts; i++) {
                int part = (start + i) % parts;
                if (load[part] < load[lightest]) {
                    lightest = part;
                }
            }
            dealt.get(lightest).add(sequence);
            load[lightest] += lengths[sequence];
        }
        dealt.forEach(Collections::sort);
        return dealt;
    }
}
