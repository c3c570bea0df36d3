package io.maseparation.parallel.execute.rank;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.parallel.comm.Message;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class ReductionTest {
    @Property
    void allMembersEndWithTheSameSumInMemberOrder(
            @ForAll @IntRange(min = 2, max = 9) int members,
            @ForAll @IntRange(min = 1, max = 50) int n,
            @ForAll long seed) {
        Random random = new Random(seed);
        float[][] inputs = new float[members][n];
        float[] expected = new float[n];
        for (int m = 0; m < members; m++) {
            for (int i = 0; i < n; i++) {
                inputs[m][i] = random.nextFloat() - 0.5f;
                expected[i] = m == 0 ? inputs[m][i] : expected[i] + inputs[m][i];
            }
        }
        Reduction[] reductions = new Reduction[members];
        for (int m = 0; m < members; m++) {
            reductions[m] = new Reduction(inputs[m].clone(), members, m);
        }
        long bytes = 0;
        for (int from = 0; from < members; from++) {
            for (int to = 0; to < members; to++) {
                if (from != to) {
                    bytes += reductions[from].contribution(to).bytes();
                    reductions[to].add(from, reductions[from].contribution(to));
                }
            }
        }
        Message[] sums = new Message[members];
        for (int m = 0; m < members; m++) {
            assertThat(reductions[m].complete()).isTrue();
            sums[m] = reductions[m].sum();
        }
        for (int from = 0; from < members; from++) {
            for (int to = 0; to < members; to++) {
                if (from != to) {
                    bytes += sums[from].bytes();
                    reductions[to].put(from, sums[from]);
                }
            }
        }
        for (Reduction reduction : reductions) {
            assertThat(reduction.values()).isEqualTo(expected);
        }
        // 2 (n - 1) / n of the tensor for each member, the least an all-reduce can move.
        assertThat(bytes).isEqualTo(2L * (members - 1) * n * 4);
    }
}
