package io.maseparation.parallel.layout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class ReplicaChoiceTest {
    private static final ModelConfig TINY = Presets.config("tiny");

    private static Placement placement(Layout layout, List<List<Integer>> experts) {
        ExpertGroups.Layer layer = new ExpertGroups.Layer(experts);
        ExpertGroups groups = new ExpertGroups(Collections.nCopies(TINY.layers().size(), layer));
        return Planning.plan(TINY, layout.withMicroBatches(1), Optional.of(groups)).placement();
    }

    private static ReplicaChoice choice(Placement placement, int group) {
        return new ReplicaChoice(TINY, placement, group);
    }

    @Property(tries = 200)
    void everySlotGoesToARankOfItsCopyThatHoldsItsExpert(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int groups = 1 + random.nextInt(4);
        int copies = 1 + random.nextInt(2);
        List<List<Integer>> experts = new ArrayList<>();
        for (int e = 0; e < 8; e++) {
            int own = e % groups;
            experts.add(IntStream.range(0, groups).filter(g -> g == own || random.nextInt(3) == 0).boxed().toList());
        }
        Placement placement = placement(
                Layout.separated(2, groups * copies).withExpertReplicas(copies), experts);
        int[] ids = random.ints(2L * (1 + random.nextInt(40)), -1, 8).toArray();

        for (int group = 0; group < 2; group++) {
            int[] assigned = choice(placement, group).assign(1, ids, 2);
            for (int i = 0; i < ids.length; i++) {
                if (ids[i] < 0) {
                    assertThat(assigned[i]).isEqualTo(-1);
                } else {
                    assertThat(assigned[i] / groups).as("copy").isEqualTo(placement.copyOf(group));
                    assertThat(experts.get(ids[i])).contains(assigned[i] % groups);
                }
            }
        }
    }

    @Test
    void rowsAreDividedWhereThereAreManyAndNotWhereThereAreFew() {
        List<List<Integer>> experts = new ArrayList<>(Collections.nCopies(8, List.of(0)));
        experts.set(0, List.of(0, 1));
        experts.set(7, List.of(1));
        ReplicaChoice choice =
                choice(placement(Layout.separated(1, 2), experts), 0);
        int[] many = choice.assign(0, new int[4000], 1);
        // The other rank has an expert to read already.
        int[] few = choice.assign(0, new int[] {0, 0, 0, 0, 7}, 1);

        assertThat(Arrays.stream(many).filter(g -> g == 0).count()).isBetween(1900L, 2100L);
        assertThat(few).as("a division would make rank 1 read two").containsExactly(0, 0, 0, 0, 1);
    }

    /** Eight experts, each on both ranks; two attention groups whose rows are not the same. */
    @Test
    void groupsKeepToTheSameReplicasWhereExpertsAreRead() {
        List<List<Integer>> both = Collections.nCopies(8, List.of(0, 1));
        Placement placement = placement(Layout.separated(2, 2), both);
        assertThatCode(() -> choice(placement, -1)).as("an expert rank has nothing to choose")
                .doesNotThrowAnyException();
        int[] first = choice(placement, 0).assign(0, new int[] {0, 1, 2, 3, 4, 5, 6, 7}, 1);
        int[] some = choice(placement, 1).assign(0, new int[] {7, 3, 3, 3, 3, 1}, 1);

        assertThat(Arrays.stream(first).sum()).as("four each").isEqualTo(4);
        assertThat(some).containsExactly(first[7], first[3], first[3], first[3], first[3], first[1]);
    }

    /** What is too few rows for one group to divide is enough where others have as many. */
    @Test
    void aRowStandsForOneOfEveryGroup() {
        List<List<Integer>> experts = new ArrayList<>(Collections.nCopies(8, List.of(0)));
        experts.set(0, List.of(0, 1));
        experts.set(7, List.of(1));
        int[] rows = new int[81];
        rows[80] = 7;
        int[] alone = choice(placement(Layout.separated(1, 2), experts), 0)
                .assign(0, rows, 1);
        int[] together = choice(placement(Layout.separated(4, 2), experts), 0)
                .assign(0, rows, 1);

        assertThat(Arrays.stream(alone, 0, 80).distinct().count()).isEqualTo(1);
        assertThat(Arrays.stream(together).filter(g -> g == 0).count()).isBetween(50L, 66L);
    }
}
