package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;

/**
 * Which ranks serve which experts for the rows of which ranks.
 *
 * <p>An <em>expert group</em> is the ranks that hold the same experts of one copy: one rank, or several that split the
 * experts' width, each of which gets every row of the group and answers with a partial sum. Expert groups are numbered
 * copy by copy. An <em>attention group</em> ({@link RankPlan#group}) is the ranks that hold the same rows and split the
 * heads; attention group G of {@code s} slices is ranks G·s to G·s + s − 1. It has one copy of the experts to go to,
 * and of that copy's expert groups its slice e mod s serves as a rail to the e-th, so that every row and expert travels
 * once. An expert may be in several expert groups of a copy (replicas); any of them can serve a row, and one does.
 *
 * <p>All look-ups are a few array accesses. A layout whose ranks have all experts of their own rows has no placement
 * ({@link #isEmpty}).
 */
public final class Placement {
    /** Every expert group has it: the shared expert, or the feed-forward of a dense layer. */
    private static final int EVERYWHERE = -2;

    private static final Placement NONE =
            new Placement(1, new int[0][], new int[0], 1, new ExpertGroups(List.of()), List.of());

    private final int slices;
    private final int[][] ranks;
    private final int groupsPerCopy;
    private final int[] copyOf;
    private final int[] turnOf;
    private final ExpertGroups experts;
    private final int[][][] groupsOfExpert;
    private final int[] groupOfRank;
    private final int[] everywhere;

    /**
     * Experts of a model in groups of ranks.
     *
     * @param slices ranks of an attention group
     * @param ranks ranks of each expert group, copy by copy
     * @param copyOf copy that each attention group goes to
     * @param copies number of copies
     * @param experts which groups of a copy hold which experts
     * @param layers of the model
     */
    @SuppressWarnings("ReferenceEquality") // equal layers are one object, and to compare their lists takes as long
    Placement(int slices, int[][] ranks, int[] copyOf, int copies, ExpertGroups experts,
            List<ModelConfig.Layer> layers) {
        this.slices = slices;
        this.ranks = ranks;
        this.copyOf = copyOf;
        this.experts = experts;
        groupsPerCopy = ranks.length / copies;
        turnOf = new int[copyOf.length];
        int[] seen = new int[copies];
        for (int group = 0; group < copyOf.length; group++) {
            turnOf[group] = seen[copyOf[group]]++;
        }
        groupsOfExpert = new int[layers.size()][][];
        for (int layer = 0; layer < layers.size(); layer++) {
            if (layer > 0 && experts.layers().get(layer) == experts.layers().get(layer - 1)
                    && layers.get(layer).extraWidth() > 0 == layers.get(layer - 1).extraWidth() > 0) {
                groupsOfExpert[layer] = groupsOfExpert[layer - 1];
                continue;
            }
            groupsOfExpert[layer] = Stream.concat(
                    experts.layers().get(layer).groupsOf().stream()
                            .map(groups -> groups.stream().mapToInt(g -> g).toArray()),
                    Stream.of(layers.get(layer).extraWidth() > 0 ? new int[] {EVERYWHERE} : new int[0]))
                    .toArray(int[][]::new);
        }
        int last = Arrays.stream(ranks).flatMapToInt(Arrays::stream).max().orElse(-1);
        groupOfRank = new int[last + 1];
        Arrays.fill(groupOfRank, -1);
        for (int group = 0; group < ranks.length; group++) {
            for (int rank : ranks[group]) {
                groupOfRank[rank] = group;
            }
        }
        everywhere = Arrays.stream(ranks).flatMapToInt(Arrays::stream).sorted().toArray();
    }

    /** Of a layout whose ranks have all experts of their own rows. */
    static Placement none() {
        return NONE;
    }

    /** {@return whether all ranks have all experts of their own rows, so that there is nothing to look up} */
    public boolean isEmpty() {
        return ranks.length == 0;
    }

    /** {@return number of expert groups, over all copies} */
    public int groups() {
        return ranks.length;
    }

    /** {@return number of copies of all experts} */
    public int copies() {
        return isEmpty() ? 1 : ranks.length / groupsPerCopy;
    }

    /**
     * {@return the copy of the experts that an attention group goes to}
     *
     * @param attentionGroup index of the attention group
     */
    public int copyOf(int attentionGroup) {
        return isEmpty() ? 0 : copyOf[attentionGroup];
    }

    /**
     * {@return number of attention groups that go to a copy of the experts}
     *
     * @param copy index of the copy
     */
    public int attentionGroupsOf(int copy) {
        return (int) Arrays.stream(copyOf).filter(c -> c == copy).count();
    }

    /**
     * {@return the copy of the experts that an expert group is part of}
     *
     * @param expertGroup index of the expert group, over all copies
     */
    public int copyOfExperts(int expertGroup) {
        return expertGroup / groupsPerCopy;
    }

    /**
     * The expert group that serves an expert for a row of an attention group where nothing is known of the step's other
     * rows: replicas take turns.
     *
     * @param layer layer
     * @param expert routed expert, or the number of routed experts for the extra one
     * @param attentionGroup group of the row
     * @param row index of the row in its micro-batch, by which the rows of replicated experts, and of the extra one,
     *     are spread
     * @return expert group; -1 for an extra expert that the layer does not have
     */
    public int groupFor(int layer, int expert, int attentionGroup, int row) {
        int[] groups = groupsOfExpert[layer][expert];
        if (groups.length == 0) {
            return -1;
        }
        int group = groups[0];
        if (group == EVERYWHERE) {
            group = (turnOf[attentionGroup] * slices + row % slices) % groupsPerCopy;
        } else if (groups.length > 1) {
            group = groups[(turnOf[attentionGroup] + row) % groups.length];
        }
        return copyOf[attentionGroup] * groupsPerCopy + group;
    }

    /**
     * {@return number of expert groups of a copy that an expert is bound to: 1, unless it has replicas; the extra one
     * counts as 1}
     *
     * @param layer index of the layer
     * @param expert routed expert, or the number of routed experts for the extra one
     */
    public int replicas(int layer, int expert) {
        return groupsOfExpert[layer][expert].length;
    }

    /**
     * {@return the rank of an attention group that sends its rows to an expert group of its copy, and gets the answers}
     *
     * @param attentionGroup index of the attention group
     * @param expertGroup index of the expert group, over all copies
     */
    public int askerOf(int attentionGroup, int expertGroup) {
        return attentionGroup * slices + expertGroup % groupsPerCopy % slices;
    }

    /**
     * {@return the ranks of an expert group, in the order in which their partial sums are added} Not to be changed.
     *
     * @param expertGroup index of the expert group, over all copies
     */
    public int[] ranksOf(int expertGroup) {
        return ranks[expertGroup];
    }

    /**
     * {@return the expert group that a rank is in; -1 for a rank without experts}
     *
     * @param rank index of the rank
     */
    public int groupOf(int rank) {
        return rank < groupOfRank.length ? groupOfRank[rank] : -1;
    }

    /**
     * {@return all ranks that hold an expert or a slice of it, in any copy, ascending}
     *
     * @param layer index of the layer
     * @param expert routed expert, or the number of routed experts for the extra one
     */
    public List<Integer> holders(int layer, int expert) {
        int[] groups = groupsOfExpert[layer][expert];
        if (groups.length > 0 && groups[0] == EVERYWHERE) {
            return Arrays.stream(everywhere).boxed().toList();
        }
        List<Integer> holders = new ArrayList<>();
        for (int group : groups) {
            for (int g = group; g < ranks.length; g += groupsPerCopy) {
                for (int rank : ranks[g]) {
                    holders.add(rank);
                }
            }
        }
        Collections.sort(holders);
        return holders;
    }

    /**
     * {@return which expert groups, within a copy, hold which routed experts; of no layers where there is no placement}
     */
    public ExpertGroups experts() {
        return experts;
    }
}
