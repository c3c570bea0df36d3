package io.maseparation.parallel.balance;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The greedy algorithm that DeepSeek published as EPLB, as it is, to compare with: groups are packed into nodes,
 * replicas are given out inside the node one by one to the expert with the largest load per replica, and replicas are
 * packed into ranks. Packing takes the items from the heaviest, each to the lightest pack that has room. Of equals the
 * first counts. It may put two replicas of an expert on one rank, where the second is of no use.
 */
public final class GreedyBalancer {
    private GreedyBalancer() {}

    /**
     * {@return the greedy placement}
     *
     * @param problem loads, slots and nodes
     */
    public static ExpertPlacement balance(BalanceProblem problem) {
        int[][] nodes = nodes(problem);
        int[][] ofRank = new int[problem.ranks()][];
        int ranks = problem.ranks() / problem.nodes();
        for (int node = 0; node < nodes.length; node++) {
            int[] experts = nodes[node];
            int[][] here = global(problem.ofNode(node, experts), false);
            for (int rank = 0; rank < ranks; rank++) {
                ofRank[node * ranks + rank] =
                        Arrays.stream(here[rank]).map(e -> experts[e]).toArray();
            }
        }
        return new ExpertPlacement(problem.experts(), ofRank);
    }

    /** Experts of each node, ascending by group as packed. */
    static int[][] nodes(BalanceProblem problem) {
        double[] loads = problem.loads();
        int size = loads.length / problem.groups();
        double[] ofGroup = new double[problem.groups()];
        for (int expert = 0; expert < loads.length; expert++) {
            ofGroup[expert / size] += loads[expert];
        }
        int[] room = new int[problem.nodes()];
        Arrays.fill(room, problem.groups() / problem.nodes());
        int[][] groups = pack(ofGroup, room, IntStream.range(0, ofGroup.length).toArray());
        return Arrays.stream(groups)
                .map(of -> Arrays.stream(of)
                        .flatMap(group -> IntStream.range(group * size, (group + 1) * size))
                        .toArray())
                .toArray(int[][]::new);
    }

    /**
     * Experts of each rank of a problem without nodes.
     *
     * @param distinct not as published: no expert gets more replicas than there are ranks, and none goes to a rank that
     *     already has it while another one has room
     */
    static int[][] global(BalanceProblem problem, boolean distinct) {
        int mostReplicas = distinct ? problem.ranks() : Integer.MAX_VALUE;
        double[] loads = problem.loads();
        int[] replicas = new int[loads.length];
        Arrays.fill(replicas, 1);
        int[] items = Arrays.copyOf(IntStream.range(0, loads.length).toArray(), problem.totalSlots());
        double[] units = loads.clone();
        for (int slot = loads.length; slot < items.length; slot++) {
            int expert = heaviest(units, replicas, mostReplicas);
            items[slot] = expert;
            replicas[expert]++;
            units[expert] = loads[expert] / replicas[expert];
        }
        double[] ofItem = Arrays.stream(items).mapToDouble(e -> units[e]).toArray();
        int[] names = distinct ? items : IntStream.range(0, items.length).toArray();
        return Arrays.stream(pack(ofItem, problem.slots(), names))
                .map(of -> Arrays.stream(of).map(item -> items[item]).toArray())
                .toArray(int[][]::new);
    }

    private static int heaviest(double[] units, int[] replicas, int most) {
        int found = -1;
        for (int expert = 0; expert < units.length; expert++) {
            if (replicas[expert] < most && (found < 0 || units[expert] > units[found])) {
                found = expert;
            }
        }
        return found;
    }

    /**
     * Items of each pack; packs are filled up to their room.
     *
     * @param names items of equal names are kept apart where possible
     */
    private static int[][] pack(double[] weights, int[] room, int[] names) {
        int[][] packs = Arrays.stream(room).mapToObj(int[]::new).toArray(int[][]::new);
        double[] sums = new double[room.length];
        int[] filled = new int[room.length];
        for (int item : Indices.ascending(weights.length, i -> -weights[i])) {
            int lightest = -1;
            boolean apart = false;
            for (int pack = 0; pack < packs.length; pack++) {
                if (filled[pack] == room[pack]) {
                    continue;
                }
                boolean without = !holds(packs[pack], filled[pack], names, item);
                if (lightest < 0 || (without == apart ? sums[pack] < sums[lightest] : without)) {
                    lightest = pack;
                    apart = without;
                }
            }
            packs[lightest][filled[lightest]++] = item;
            sums[lightest] += weights[item];
        }
        return packs;
    }

    private static boolean holds(int[] pack, int filled, int[] names, int item) {
        for (int i = 0; i < filled; i++) {
            if (names[pack[i]] == names[item]) {
                return true;
            }
        }
        return false;
    }
}
