package io.maseparation.parallel.layout;

import static io.maseparation.kernels.KvCache.BLOCK;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.KvCache;
import io.maseparation.moe.Presets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class SharesTest {
    @Test
    void longSequencesAreSpreadByLength() {
        Shares shares = Shares.of(new int[] {100, 10, 10, 10, 10, 60}, 2, 1);
        assertThat(shares.sequences().groups())
                .containsExactly(List.of(List.of(0)), List.of(List.of(1, 2, 3, 4, 5)));
        assertThat(shares.groupPositions()).containsExactly(2 * BLOCK, 5 * BLOCK);
        assertThat(shares.firstBlock()).containsExactly(0, 0, 1, 2, 3, 4);
    }

    @Test
    void aCacheTooLongToCountIsRefused() {
        int[] lengths = new int[3];
        Arrays.fill(lengths, Integer.MAX_VALUE / 2);
        assertThatThrownBy(() -> Shares.of(lengths, 1, 1))
                .isInstanceOf(PlanException.class)
                .hasMessageContaining("lower the batch");
        assertThat(Shares.of(lengths, 3, 1).groupPositions()).containsOnly(Integer.MAX_VALUE / 2 + 1);
    }

    /** With one sequence per group, all would be in the first micro-batch and there would be nothing to overlap. */
    @Property
    void microBatchesOfAllGroupsOfACopyAreBalanced(
            @ForAll @IntRange(min = 1, max = 40) int sequences,
            @ForAll @IntRange(min = 1, max = 4) int copies,
            @ForAll @IntRange(min = 1, max = 6) int groupsOfCopy,
            @ForAll @IntRange(min = 1, max = 4) int microBatches) {
        int groups = copies * groupsOfCopy;
        Setup setup = Layout.separated(groups, copies)
                .withExpertReplicas(copies)
                .withMicroBatches(microBatches);
        Plan plan = Planning.plan(Presets.config("tiny"), setup);
        int[] lengths = new int[sequences];
        Arrays.fill(lengths, 7);
        PerMicroBatch<List<Integer>> shares = Shares.of(plan, lengths).sequences();

        assertThat(shares.groups().stream().flatMap(List::stream).flatMap(List::stream))
                .containsExactlyInAnyOrderElementsOf(IntStream.range(0, sequences).boxed().toList());
        for (int copy = 0; copy < copies; copy++) {
            int[] rows = new int[microBatches];
            int fewest = Integer.MAX_VALUE;
            int most = 0;
            for (int group = copy; group < groups; group += copies) {
                int ofGroup = 0;
                for (int m = 0; m < microBatches; m++) {
                    int n = shares.get(group, m).size();
                    rows[m] += n;
                    ofGroup += n;
                }
                fewest = Math.min(fewest, ofGroup);
                most = Math.max(most, ofGroup);
            }
            // Where all groups have as many sequences the micro-batches differ by less than a group's.
            int spread = Arrays.stream(rows).max().orElseThrow() - Arrays.stream(rows).min().orElseThrow();
            assertThat(spread).as("micro-batches of copy %d: %s", copy, Arrays.toString(rows))
                    .isLessThanOrEqualTo(fewest == most && fewest % microBatches <= 1 ? 1 : microBatches);
        }
    }

    @Property
    void noTwoSequencesOfAGroupShareACachePosition(
            @ForAll @IntRange(min = 1, max = 9) int sequences,
            @ForAll @IntRange(min = 1, max = 4) int groups,
            @ForAll @IntRange(min = 1, max = 3) int microBatches,
            @ForAll long seed) {
        int[] lengths = new Random(seed).ints(sequences, 1, 30).toArray();
        Shares shares = Shares.of(lengths, groups, microBatches);
        for (int group = 0; group < groups; group++) {
            Set<Integer> taken = new HashSet<>();
            for (List<Integer> ofMicroBatch : shares.sequences().group(group)) {
                for (int s : ofMicroBatch) {
                    for (int i = 0; i < KvCache.blocks(shares.capacity()[s]); i++) {
                        assertThat(taken.add(shares.firstBlock()[s] + i)).isTrue();
                    }
                }
            }
            assertThat(taken.size() * KvCache.BLOCK).isEqualTo(shares.groupPositions()[group]);
        }
    }
}
