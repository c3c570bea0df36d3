package io.maseparation.parallel.balance;

import io.maseparation.parallel.balance.FlatBalancer.Part;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Balances nodes that groups of experts are kept to. Given the groups of each node, nodes are problems of their own;
 * which groups those are is enumerated where there are few ways, and searched by swapping groups with the heaviest node
 * where there are many.
 */
record NodeBalancer(BalanceProblem problem) {
    /** Most ways of dividing groups among nodes for which all of them are tried. */
    private static final int MOST_DIVISIONS = 64;

    /** Most swaps of groups that are tried. */
    private static final int MOST_SWAPS = 256;

    /** Experts of each node, and where they are on it. */
    private record Division(int[][] experts, Part[] parts) {
        double heaviest() {
            return Arrays.stream(parts).mapToDouble(Part::heaviest).max().orElseThrow();
        }

        double bound() {
            return Arrays.stream(parts).mapToDouble(Part::bound).max().orElseThrow();
        }

        int heaviestNode() {
            return Indices.ofLargest(Arrays.stream(parts).mapToDouble(Part::heaviest).toArray());
        }
    }

    /** The best placement found, on all ranks. */
    static Part thorough(BalanceProblem problem) {
        return new NodeBalancer(problem).thorough();
    }

    /** Groups packed greedily, every node balanced quickly. */
    static int[][] quick(BalanceProblem problem) {
        int[][] experts = GreedyBalancer.nodes(problem);
        return join(experts, node -> FlatBalancer.quick(problem.ofNode(node, experts[node])));
    }

    private Part thorough() {
        boolean small = FlatBalancer.isSmall(problem.ofNode(0, GreedyBalancer.nodes(problem)[0]));
        Function<BalanceProblem, Part> effort = small ? FlatBalancer::thorough : FlatBalancer::descent;
        Division best = divided(GreedyBalancer.nodes(problem), effort);
        double bound = best.bound();
        List<int[][]> divisions = new ArrayList<>();
        divide(new int[problem.groups()], 0, new int[problem.nodes()], divisions);
        if (divisions.size() <= MOST_DIVISIONS) {
            for (int[][] experts : divisions) {
                double least = boundOf(experts);
                if (least < best.heaviest()) {
                    Division division = divided(experts, effort);
                    least = division.bound();
                    best = division.heaviest() < best.heaviest() ? division : best;
                }
                bound = Math.min(bound, least);
            }
        } else {
            best = swapped(best, effort);
            bound = BalanceBound.of(problem);
        }
        if (!small) {
            best = divided(best.experts(), FlatBalancer::thorough);
        }
        Part[] parts = best.parts();
        return new Part(join(best.experts(), node -> parts[node].experts()), best.heaviest(),
                Math.min(bound, best.heaviest()));
    }

    private Division divided(int[][] experts, Function<BalanceProblem, Part> effort) {
        Part[] parts = new Part[experts.length];
        Arrays.setAll(parts, node -> effort.apply(problem.ofNode(node, experts[node])));
        return new Division(experts, parts);
    }

    private double boundOf(int[][] experts) {
        return IntStream.range(0, experts.length)
                .mapToDouble(node -> BalanceBound.of(problem.ofNode(node, experts[node])))
                .max()
                .orElseThrow();
    }

    /** Swaps groups between the heaviest node and others for as long as that lightens it. */
    private Division swapped(Division start, Function<BalanceProblem, Part> effort) {
        Division best = start;
        int size = problem.experts() / problem.groups();
        int left = MOST_SWAPS;
        boolean better = true;
        while (better && left > 0) {
            better = false;
            int from = best.heaviestNode();
            int perNode = problem.groups() / problem.nodes();
            for (int to = 0; to < problem.nodes() && !better; to++) {
                for (int pair = 0; pair < perNode * perNode && to != from && !better && left-- > 0; pair++) {
                    int[][] experts = Arrays.stream(best.experts()).map(int[]::clone).toArray(int[][]::new);
                    int a = pair / perNode * size;
                    int b = pair % perNode * size;
                    System.arraycopy(best.experts()[to], b, experts[from], a, size);
                    System.arraycopy(best.experts()[from], a, experts[to], b, size);
                    Part[] parts = best.parts().clone();
                    double before = Math.max(parts[from].heaviest(), parts[to].heaviest());
                    parts[from] = effort.apply(problem.ofNode(from, experts[from]));
                    parts[to] = effort.apply(problem.ofNode(to, experts[to]));
                    if (Math.max(parts[from].heaviest(), parts[to].heaviest()) < before * (1 - 1e-9)) {
                        best = new Division(experts, parts);
                        better = true;
                    }
                }
            }
        }
        return best;
    }

    /** Finds all divisions of the experts among nodes that differ, or one more than are tried. */
    private void divide(int[] nodeOf, int group, int[] filled, List<int[][]> found) {
        if (found.size() > MOST_DIVISIONS) {
            return;
        }
        if (group == nodeOf.length) {
            found.add(experts(nodeOf));
            return;
        }
        for (int node = 0; node < filled.length; node++) {
            if (filled[node] < problem.groups() / problem.nodes()) {
                boolean first = filled[node] == 0;
                nodeOf[group] = node;
                filled[node]++;
                divide(nodeOf, group + 1, filled, found);
                filled[node]--;
                if (first && equalNodes()) {
                    // The other empty nodes are the same under another name.
                    return;
                }
            }
        }
    }

    private boolean equalNodes() {
        int[] slots = problem.slots();
        int ranks = problem.ranks() / problem.nodes();
        return IntStream.range(ranks, slots.length).allMatch(rank -> slots[rank] == slots[rank % ranks]);
    }

    private int[][] experts(int[] nodeOf) {
        int size = problem.experts() / problem.groups();
        return IntStream.range(0, problem.nodes())
                .mapToObj(node -> IntStream.range(0, problem.experts())
                        .filter(e -> nodeOf[e / size] == node)
                        .toArray())
                .toArray(int[][]::new);
    }

    /**
     * Experts of each rank of all nodes.
     *
     * @param experts of each node
     * @param ranksOf of a node, what each of its ranks has: indices into the node's experts
     */
    private static int[][] join(int[][] experts, IntFunction<int[][]> ranksOf) {
        List<int[]> ranks = new ArrayList<>();
        for (int node = 0; node < experts.length; node++) {
            int[] names = experts[node];
            for (int[] rank : ranksOf.apply(node)) {
                ranks.add(Arrays.stream(rank).map(e -> names[e]).toArray());
            }
        }
        return ranks.toArray(int[][]::new);
    }
}
