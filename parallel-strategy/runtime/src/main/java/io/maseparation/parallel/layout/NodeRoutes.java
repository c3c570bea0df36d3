package io.maseparation.parallel.layout;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where rows enter the nodes of their experts, if they cross to a node once ({@link Dispatch}). Of the ranks that need
 * a row in a node other than its asker's, which are those of its experts on the asker's rail, one gets it and forwards
 * it to the others. Rows take those ranks in turn, so that no rank is sent more rows from outside than it needs itself
 * and none forwards for all. Executor and simulator ask here, so that they agree. Not thread-safe.
 */
public final class NodeRoutes {
    private final Placement placement;
    /** By rank. */
    private final int[] nodeOf;
    /** By attention group, filled on demand, and that of the last one. */
    private final Map<Integer, Crossings> crossings = new HashMap<>();

    private @Nullable Crossings now;
    private int groupNow = -1;

    /** Told of each rank that a row gets to from another node. */
    @FunctionalInterface
    public interface Visitor {
        /**
         * A row gets to a rank.
         *
         * @param entry the rank that the row is sent to from the other node
         * @param to the rank that needs it: the former, or one in its node that it forwards the row to
         */
        void visit(int entry, int to);
    }

    NodeRoutes(Placement placement, Dispatch dispatch) {
        this.placement = placement;
        nodeOf = dispatch.nodes().stream().mapToInt(n -> n).toArray();
    }

    /**
     * {@return the routes of a plan; empty if each rank of a row's experts is sent the row}
     *
     * @param plan the plan
     */
    public static Optional<NodeRoutes> of(Plan plan) {
        Dispatch dispatch = plan.layout().dispatch();
        return dispatch.mode() == Dispatch.Mode.DIRECT
                ? Optional.empty()
                : Optional.of(new NodeRoutes(plan.placement(), dispatch));
    }

    /**
     * {@return the node of a rank}
     *
     * @param rank index of the rank
     */
    public int nodeOf(int rank) {
        return nodeOf[rank];
    }

    /**
     * {@return whether two ranks are in different nodes}
     *
     * @param rank a rank
     * @param other another rank
     */
    public boolean apart(int rank, int other) {
        return nodeOf[rank] != nodeOf[other];
    }

    /**
     * {@return whether an expert group has a rank in a node}
     *
     * @param expertGroup index of the expert group, over all copies
     * @param node the node
     */
    public boolean reaches(int expertGroup, int node) {
        for (int rank : placement.ranksOf(expertGroup)) {
            if (nodeOf[rank] == node) {
                return true;
            }
        }
        return false;
    }

    /**
     * {@return the other ranks of experts in a rank's node that the same ranks ask, ascending}
     *
     * @param rank index of a rank with experts
     */
    public List<Integer> peers(int rank) {
        int own = placement.groupOf(rank);
        List<Integer> peers = new ArrayList<>();
        for (int group = 0; group < placement.groups(); group++) {
            if (placement.copyOfExperts(group) == placement.copyOfExperts(own)
                    && placement.askerOf(0, group) == placement.askerOf(0, own)) {
                for (int other : placement.ranksOf(group)) {
                    if (other != rank && !apart(rank, other)) {
                        peers.add(other);
                    }
                }
            }
        }
        peers.sort(null);
        return List.copyOf(peers);
    }

    /** The peers that a rank forwards rows to; empty if it is asked from its own node only, or all are sent rows. */
    Optional<List<Integer>> forwarding(int rank, List<Integer> askers) {
        return nodeOf.length > 0 && askers.stream().anyMatch(asker -> apart(asker, rank))
                ? Optional.of(peers(rank))
                : Optional.empty();
    }

    /**
     * Finds the ranks that one row gets to from other nodes than that of their asker.
     *
     * @param attentionGroup group of the row
     * @param row index of the row in its micro-batch
     * @param assigned expert groups, −1 for none
     * @param first index of the first that is one of the row's slots
     * @param slots slots of a row
     * @param visitor told of each, that at which the row enters among them
     */
    public void visit(int attentionGroup, int row, int[] assigned, int first, int slots, Visitor visitor) {
        if (placement.groups() <= Long.SIZE) {
            long groups = 0;
            for (int i = first; i < first + slots; i++) {
                groups |= assigned[i] >= 0 ? 1L << assigned[i] : 0;
            }
            visit(attentionGroup, row, groups, visitor);
            return;
        }
        Crossings of = crossings(attentionGroup);
        int met = 0;
        for (int i = first; i < first + slots; i++) {
            if (assigned[i] >= 0) {
                met = of.need(assigned[i], met);
            }
        }
        of.visitMet(met, attentionGroup + row, visitor);
    }

    /**
     * The same for a placement of at most 64 expert groups.
     *
     * @param attentionGroup group of the row
     * @param row index of the row in its micro-batch
     * @param expertGroups those that the row needs, a bit each
     * @param visitor told of each, that at which the row enters among them
     */
    public void visit(int attentionGroup, int row, long expertGroups, Visitor visitor) {
        Crossings of = crossings(attentionGroup);
        int turn = attentionGroup + row;
        if (of.bitwise) {
            of.visitGroups(expertGroups, turn, visitor);
            return;
        }
        int met = 0;
        for (long left = expertGroups; left != 0; left &= left - 1) {
            met = of.need(Long.numberOfTrailingZeros(left), met);
        }
        of.visitMet(met, turn, visitor);
    }

    /**
     * Counts one row at the ranks that it gets to, as {@link #visit(int, int, long, Visitor)} tells of them.
     *
     * @param attentionGroup group of the row
     * @param row index of the row in its micro-batch
     * @param expertGroups those that the row needs, a bit each
     * @param entering by rank: one more where the row enters a node
     * @param forwarded by rank and other rank: one more where the one forwards the row to the other
     */
    public void count(int attentionGroup, int row, long expertGroups, int[] entering, int[][] forwarded) {
        Crossings of = crossings(attentionGroup);
        if (of.bitwise) {
            of.count(expertGroups, attentionGroup + row, entering, forwarded);
            return;
        }
        visit(attentionGroup, row, expertGroups, (entry, to) -> {
            if (entry == to) {
                entering[entry]++;
            } else {
                forwarded[entry][to]++;
            }
        });
    }

    private Crossings crossings(int attentionGroup) {
        if (attentionGroup != groupNow) {
            groupNow = attentionGroup;
            now = crossings.computeIfAbsent(attentionGroup, this::crossingsOf);
        }
        return Objects.requireNonNull(now, "made above");
    }

    private Crossings crossingsOf(int attentionGroup) {
        Map<Crossing, List<Integer>> ranks = new LinkedHashMap<>();
        for (int group = 0; group < placement.groups(); group++) {
            int asker = placement.askerOf(attentionGroup, group);
            for (int rank : placement.ranksOf(group)) {
                if (apart(asker, rank)) {
                    ranks.computeIfAbsent(new Crossing(asker, nodeOf[rank]), c -> new ArrayList<>()).add(rank);
                }
            }
        }
        return new Crossings(placement, List.copyOf(ranks.values()));
    }

    /** From a rank that asks to a node. */
    private record Crossing(int asker, int node) {}

    /** The crossings of one attention group: sets of ranks, one bit each. Those of a row are empty once visited. */
    private static final class Crossings {
        /** Crossings that the row has. */
        private final int[] met;
        /** By expert group, its ranks in other nodes than its asker's: crossing and bit in one number. */
        private final long[][] bits;
        /** By crossing, the ranks that need the row, and whether any is among them. */
        private final long[][] needed;

        private final boolean[] any;
        /** By crossing and bit. */
        private final int[][] ranks;
        /** Whether expert groups, and the ranks of every crossing, are few enough to be bits of one number. */
        final boolean bitwise;
        /** Then by crossing its expert groups, and by crossing and expert group its ranks, a bit each. */
        private final long[] groupsOf;

        private final long[][] bitsOf;
        /** Whether each of these has one rank, and ranks are in the order of their groups. */
        private final boolean single;
        /** Then by crossing and expert group its rank. */
        private final int[][] rankOf;

        /** @param ranksOf those in the node of each crossing */
        Crossings(Placement placement, List<List<Integer>> ranksOf) {
            ranks = ranksOf.stream()
                    .map(list -> list.stream().mapToInt(rank -> rank).sorted().toArray())
                    .toArray(int[][]::new);
            needed = new long[ranks.length][];
            any = new boolean[ranks.length];
            met = new int[ranks.length];
            List<List<Long>> of = Stream.<List<Long>>generate(ArrayList::new).limit(placement.groups()).toList();
            for (int crossing = 0; crossing < ranks.length; crossing++) {
                needed[crossing] = new long[Math.ceilDiv(ranks[crossing].length, Long.SIZE)];
                for (int bit = 0; bit < ranks[crossing].length; bit++) {
                    of.get(placement.groupOf(ranks[crossing][bit])).add(((long) crossing << Integer.SIZE) | bit);
                }
            }
            bits = of.stream().map(list -> list.stream().mapToLong(bit -> bit).toArray()).toArray(long[][]::new);
            bitwise = placement.groups() <= Long.SIZE && Stream.of(needed).allMatch(w -> w.length == 1);
            groupsOf = new long[ranks.length];
            bitsOf = new long[ranks.length][bitwise ? placement.groups() : 0];
            for (int crossing = 0; crossing < ranks.length && bitwise; crossing++) {
                for (int bit = 0; bit < ranks[crossing].length; bit++) {
                    int group = placement.groupOf(ranks[crossing][bit]);
                    groupsOf[crossing] |= 1L << group;
                    bitsOf[crossing][group] |= 1L << bit;
                }
            }
            single = bitwise && IntStream.range(0, ranks.length).allMatch(crossing -> inOrder(placement, crossing));
            rankOf = new int[single ? ranks.length : 0][placement.groups()];
            for (int crossing = 0; crossing < rankOf.length; crossing++) {
                for (int rank : ranks[crossing]) {
                    rankOf[crossing][placement.groupOf(rank)] = rank;
                }
            }
        }

        private boolean inOrder(Placement placement, int crossing) {
            int[] of = ranks[crossing];
            return IntStream.range(1, of.length)
                    .allMatch(i -> placement.groupOf(of[i - 1]) < placement.groupOf(of[i]));
        }

        void count(long groups, int turn, int[] entering, int[][] forwarded) {
            for (int crossing = 0; crossing < groupsOf.length; crossing++) {
                long here = groups & groupsOf[crossing];
                if (here != 0) {
                    count(single ? here : ranksOf(crossing, here), single ? rankOf[crossing] : ranks[crossing], turn,
                            entering, forwarded);
                }
            }
        }

        private static void count(long here, int[] of, int turn, int[] entering, int[][] forwarded) {
            long left = here;
            if ((left & (left - 1)) != 0) {
                for (int skip = turn % Long.bitCount(here); skip > 0; skip--) {
                    left &= left - 1;
                }
            }
            long entered = Long.lowestOneBit(left);
            int entry = of[Long.numberOfTrailingZeros(entered)];
            entering[entry]++;
            int[] sent = forwarded[entry];
            for (left = here ^ entered; left != 0; left &= left - 1) {
                sent[of[Long.numberOfTrailingZeros(left)]]++;
            }
        }

        /** The ranks of some expert groups in a crossing, a bit each. */
        private long ranksOf(int crossing, long groups) {
            long[] bitsOfGroup = bitsOf[crossing];
            long here = 0;
            for (long left = groups; left != 0; left &= left - 1) {
                here |= bitsOfGroup[Long.numberOfTrailingZeros(left)];
            }
            return here;
        }

        /** Notes that the row needs an expert group; how many crossings it has now. */
        int need(int expertGroup, int before) {
            int found = before;
            for (long of : bits[expertGroup]) {
                int crossing = (int) (of >>> Integer.SIZE);
                int bit = (int) of;
                if (!any[crossing]) {
                    any[crossing] = true;
                    met[found++] = crossing;
                }
                needed[crossing][bit / Long.SIZE] |= 1L << bit;
            }
            return found;
        }

        void visitMet(int number, int turn, Visitor visitor) {
            for (int i = 0; i < number; i++) {
                visit(met[i], turn, visitor);
            }
        }

        void visitGroups(long groups, int turn, Visitor visitor) {
            for (int crossing = 0; crossing < groupsOf.length; crossing++) {
                long here = ranksOf(crossing, groups & groupsOf[crossing]);
                if (here != 0) {
                    visitBits(ranks[crossing], here, turn, visitor);
                }
            }
        }

        private static void visitBits(int[] of, long here, int turn, Visitor visitor) {
            long left = here;
            if ((left & (left - 1)) != 0) {
                for (int skip = turn % Long.bitCount(here); skip > 0; skip--) {
                    left &= left - 1;
                }
            }
            int entry = of[Long.numberOfTrailingZeros(left)];
            for (left = here; left != 0; left &= left - 1) {
                visitor.visit(entry, of[Long.numberOfTrailingZeros(left)]);
            }
        }

        private void visit(int crossing, int turn, Visitor visitor) {
            int[] of = ranks[crossing];
            long[] words = needed[crossing];
            int count = 0;
            for (long word : words) {
                count += Long.bitCount(word);
            }
            int entry = of[count == 1 ? next(words, 0) : skipped(words, turn % count)];
            for (int bit = next(words, 0); bit >= 0; bit = next(words, bit + 1)) {
                visitor.visit(entry, of[bit]);
            }
            Arrays.fill(words, 0);
            any[crossing] = false;
        }

        /** The bit that is set after {@code n} others that are. */
        private static int skipped(long[] words, int n) {
            int bit = next(words, 0);
            for (int i = 0; i < n; i++) {
                bit = next(words, bit + 1);
            }
            return bit;
        }

        /** The first bit from {@code from} that is set; −1 if there is none. */
        private static int next(long[] words, int from) {
            int word = from / Long.SIZE;
            if (word >= words.length) {
                return -1;
            }
            long left = words[word] & (-1L << from);
            while (left == 0) {
                if (++word == words.length) {
                    return -1;
                }
                left = words[word];
            }
            return word * Long.SIZE + Long.numberOfTrailingZeros(left);
        }
    }
}
