package io.maseparation.parallel.layout;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Where rows enter nodes. */
class NodeRoutesTest {
    private static final ModelConfig TINY = Presets.config("tiny");

    /** A rank that asks, and a node that it asks ranks of. */
    private record Crossing(int asker, int node) {}

    private static NodeRoutes routes(Plan plan) {
        return NodeRoutes.of(plan).orElseThrow();
    }

    /** Counting rows is the same as being told of them. */
    private static void countsWhatItTellsOf(Plan plan, int group, long expertGroups) {
        NodeRoutes routes = routes(plan);
        int ranks = plan.ranks().size();
        int[] entering = new int[ranks];
        int[][] forwarded = new int[ranks][ranks];
        int[] told = new int[ranks];
        int[][] toldForwarded = new int[ranks][ranks];
        for (int row = 0; row < 5; row++) {
            routes.count(group, row, expertGroups, entering, forwarded);
            routes.visit(group, row, expertGroups, (entry, to) -> {
                told[entry] += entry == to ? 1 : 0;
                toldForwarded[entry][to] += entry == to ? 0 : 1;
            });
        }
        assertThat(entering).isEqualTo(told);
        assertThat(forwarded).isDeepEqualTo(toldForwarded);
    }

    /** From each asker a row enters a node once, at a rank that needs it, and gets from there to all others that do. */
    @Property
    void aRowCrossesToANodeOnce(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int slices = 1 + random.nextInt(2);
        int copies = 1 + random.nextInt(2);
        int parts = 1 + random.nextInt(2);
        Layout layout =
                Layout.separated(slices * (copies + random.nextInt(2)), copies * parts * (1 + random.nextInt(4)))
                        .withAttentionTensorParallel(slices)
                        .withExpertReplicas(copies)
                        .withExpertTensorParallel(parts);
        int nodes = 1 + random.nextInt(4);
        Plan plan = Planning.plan(TINY, layout.withDispatch(
                Dispatch.byNode(layout.ranks(), rank -> random.nextInt(nodes))));
        Placement placement = plan.placement();
        NodeRoutes routes = routes(plan);
        int group = random.nextInt(plan.groups());
        int slots = 1 + random.nextInt(8);
        int perCopy = placement.groups() / placement.copies();
        int[] assigned = random.ints(3L * slots, -1, perCopy)
                .map(g -> g < 0 ? -1 : placement.copyOf(group) * perCopy + g)
                .toArray();

        Map<Crossing, Set<Integer>> needed = new HashMap<>();
        for (int i = slots; i < 2 * slots; i++) {
            if (assigned[i] >= 0) {
                int asker = placement.askerOf(group, assigned[i]);
                for (int rank : placement.ranksOf(assigned[i])) {
                    if (routes.apart(asker, rank)) {
                        needed.computeIfAbsent(new Crossing(asker, routes.nodeOf(rank)), c -> new TreeSet<>())
                                .add(rank);
                    }
                }
            }
        }
        Map<Crossing, Set<Integer>> found = new HashMap<>();
        Map<Crossing, Set<Integer>> entries = new HashMap<>();
        routes.visit(group, 1, assigned, slots, slots, (entry, to) -> {
            Crossing crossing = new Crossing(placement.askerOf(group, placement.groupOf(to)), routes.nodeOf(to));
            assertThat(found.computeIfAbsent(crossing, c -> new TreeSet<>()).add(to)).as("%d once", to).isTrue();
            entries.computeIfAbsent(crossing, c -> new HashSet<>()).add(entry);
        });

        assertThat(found).isEqualTo(needed);
        countsWhatItTellsOf(plan, group, Arrays.stream(assigned, slots, 2 * slots)
                .filter(g -> g >= 0).mapToLong(g -> 1L << g).reduce(0, (a, b) -> a | b));
        entries.forEach((crossing, at) -> {
            assertThat(at).as("entry of %s", crossing).hasSize(1);
            assertThat(needed.get(crossing)).containsAll(at);
            for (int entry : at) {
                assertThat(routes.peers(entry))
                        .containsAll(needed.get(crossing).stream().filter(to -> to != entry).toList());
            }
        });
    }

    @Test
    void rowsTakeTheRanksOfANodeInTurn() {
        Plan plan = Planning.plan(TINY, Layout.separated(2, 4)
                .withDispatch(new Dispatch(List.of(0, 0, 1, 1, 1, 1))));
        int[] entered = new int[6];
        int[] everyone = {3, 0, 2, 1};
        for (int group = 0; group < 2; group++) {
            for (int row = 0; row < 8; row++) {
                routes(plan).visit(group, row, everyone, 0, 4, (entry, to) -> entered[entry] += entry == to ? 1 : 0);
            }
        }
        assertThat(entered).containsExactly(0, 0, 4, 4, 4, 4);
    }

    @Test
    void ranksOfTheSendersNodeGetRowsFromTheSender() {
        Plan plan = Planning.plan(TINY, Layout.separated(1, 3).withDispatch(new Dispatch(List.of(7, 7, 7, 2))));
        Set<List<Integer>> seen = new HashSet<>();
        routes(plan).visit(0, 0, new int[] {0, 1, 2}, 0, 3, (entry, to) -> seen.add(List.of(entry, to)));
        assertThat(seen).containsExactly(List.of(3, 3));
        assertThat(Arrays.asList(routes(plan).peers(1), routes(plan).peers(3)))
                .containsExactly(List.of(2), List.of());
    }

    /** In one node the programs are those of a plan that sends rows to every rank. */
    @Test
    void oneNodeHasNothingToForward() {
        Layout layout = Layout.separated(2, 3);
        Plan one = Planning.plan(TINY, layout.withDispatch(Dispatch.byNode(5, rank -> 3)));
        assertThat(one.ranks()).isEqualTo(Planning.plan(TINY, layout).ranks());
    }
}
