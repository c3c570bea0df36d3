package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class SharesTest {
    @Test
    void longSequencesAreSpreadByLength() {
        Workload workload = Workload.greedy(prompts(100, 10, 10, 10, 10, 60), 1);
        Shares shares = Shares.of(workload, 2, 1);
        assertThat(shares.groupPositions()).containsExactly(100, 100);
    }

    @Property
    void everyPromptTokenIsOneRowOnceAndRowsOfMicroBatchesAreApart(
            @ForAll @IntRange(min = 1, max = 9) int sequences,
            @ForAll @IntRange(min = 1, max = 4) int groups,
            @ForAll @IntRange(min = 1, max = 3) int microBatches,
            @ForAll @IntRange(min = 1, max = 20) int chunk,
            @ForAll long seed) {
        Random random = new Random(seed);
        int[] lengths = random.ints(sequences, 1, 30).toArray();
        Workload workload = new Workload(prompts(lengths), 4, true, 0, 1, 0, false, chunk);
        Shares shares = Shares.of(workload, groups, microBatches);
        StepSchedule schedule = new StepSchedule(workload, shares, groups, microBatches);

        Set<List<Integer>> seen = new HashSet<>();
        int outputs = 0;
        for (Step step : schedule.prefill()) {
            for (int group = 0; group < groups; group++) {
                Set<Integer> rows = new HashSet<>();
                for (int m = 0; m < microBatches; m++) {
                    Batch batch = step.batch(group, m);
                    assertThat(batch.rows()).isLessThanOrEqualTo(chunk);
                    outputs += batch.outputs().length;
                    assertThat(batch.outputs().length).isLessThanOrEqualTo(schedule.outputRows(group));
                    for (int i = 0; i < batch.rows(); i++) {
                        assertThat(rows.add(batch.firstRow() + i)).isTrue();
                        assertThat(batch.firstRow() + i).isLessThan(schedule.groupRows(group));
                        assertThat(seen.add(List.of(batch.sequences()[i], batch.positions()[i])))
                                .isTrue();
                    }
                }
            }
            for (int m = 0; m < microBatches; m++) {
                assertThat(step.rows(m)).isLessThanOrEqualTo(schedule.receivedRows());
            }
        }
        assertThat(seen).hasSize(java.util.Arrays.stream(lengths).sum());
        assertThat(outputs).isEqualTo(sequences);

        Step decode = schedule.decode(2, s -> s % 2 == 0);
        int rows = 0;
        for (int m = 0; m < microBatches; m++) {
            rows += decode.rows(m);
        }
        assertThat(rows).isEqualTo((sequences + 1) / 2);

        // No two sequences of a group share a cache position.
        for (int group = 0; group < groups; group++) {
            Set<Integer> positions = new HashSet<>();
            for (List<Integer> ofMicroBatch : shares.sequences().get(group)) {
                for (int s : ofMicroBatch) {
                    for (int p = 0; p < shares.capacity()[s]; p++) {
                        assertThat(positions.add(shares.kvBase()[s] + p)).isTrue();
                    }
                }
            }
            assertThat(positions).hasSize(shares.groupPositions()[group]);
        }
    }

    private static List<int[]> prompts(int... lengths) {
        List<int[]> prompts = new ArrayList<>();
        for (int length : lengths) {
            prompts.add(new int[length]);
        }
        return prompts;
    }
}
