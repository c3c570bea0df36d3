package io.maseparation.kernels.operations;

import static io.maseparation.kernels.operations.RowOps.assertClose;
import static io.maseparation.kernels.operations.RowOps.assertSameBits;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.Activation;
import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertBank;
import io.maseparation.kernels.ExpertBanks;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.WeightMatrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@Tag("tornado")
class ExpertTest {
    private static final int SLOTS = 2;

    private final long seed = RowOps.seed();
    private final Random random = RowOps.random(seed);

    /** Experts stacked in one tensor, as several model families store them: gate and up one above the other. */
    private ExpertBanks stacked(DataType type, int experts, int width, int cols, boolean gated) {
        int matrices = gated ? 2 : 1;
        WeightMatrix in = TestArrays.randomMatrix(random, type, experts * matrices * width, cols, 5, 3);
        WeightMatrix down = TestArrays.randomMatrix(random, type, experts * cols, width, 2, 1);
        ExpertWeights first = new ExpertWeights(
                gated ? in.rowRange(0, width) : null,
                in.rowRange((matrices - 1) * width, matrices * width),
                down.rowRange(0, cols));
        return ExpertBanks.stacked(experts, first, matrices * width * in.rowStride(), cols * down.rowStride());
    }

    private ExpertBanks apart(DataType type, int experts, int width, int cols, boolean gated) {
        List<ExpertWeights> list = new ArrayList<>();
        for (int e = 0; e < experts; e++) {
            list.addAll(stacked(type, 1, width, cols, gated));
        }
        return ExpertBanks.separate(list);
    }

    /** The same banks with another number for the first group. */
    private static List<ExpertBank> from(int firstGroup, ExpertBanks experts) {
        return experts.banks().stream()
                .map(b -> new ExpertBank(b.firstGroup() + firstGroup, b.count(), b.first(), b.gateStride(),
                        b.upStride(), b.downStride()))
                .toList();
    }

    /** Pairs by group, as Dispatch makes them; -1 is a slot without an expert. */
    private record Grouped(IntArray offsets, IntArray pairs, int total) {
        static Grouped of(int[] groupOfPair, int groups) {
            int[] offsets = new int[groups + 1];
            int[] pairs = new int[groupOfPair.length];
            int n = 0;
            for (int group = 0; group < groups; group++) {
                for (int p = 0; p < groupOfPair.length; p++) {
                    if (groupOfPair[p] == group) {
                        pairs[n++] = p;
                    }
                }
                offsets[group + 1] = n;
            }
            Arrays.fill(pairs, n, pairs.length, -1);
            return new Grouped(DeviceArrays.copyOf(offsets), DeviceArrays.copyOf(pairs), n);
        }
    }

    private int[] routing(int rows, int groups) {
        int[] groupOf = new int[rows * SLOTS];
        for (int p = 0; p < groupOf.length; p++) {
            groupOf[p] = random.nextInt(5) == 0 ? -1 : random.nextInt(groups);
        }
        return groupOf;
    }

    private static FloatArray up(
            Body body, List<ExpertBank> banks, FloatArray x, Grouped g, int hiddenStride, int rows, Activation act) {
        FloatArray hidden = TestArrays.poisoned(rows * SLOTS * hiddenStride);
        RowOps.run(
                body,
                graph -> {
                    for (int i = 0; i < banks.size(); i++) {
                        ExpertUp.add(
                                graph, "up" + i, x, g.offsets(), g.pairs(), banks.get(i), hidden, hiddenStride, SLOTS,
                                act);
                    }
                },
                x, g.offsets(), g.pairs(), hidden);
        return hidden;
    }

    private static FloatArray down(
            Body body, List<ExpertBank> banks, FloatArray hidden, Grouped g, int hiddenStride, int rows, int cols) {
        FloatArray out = TestArrays.poisoned(rows * SLOTS * cols);
        RowOps.run(
                body,
                graph -> {
                    for (int i = 0; i < banks.size(); i++) {
                        ExpertDown.add(
                                graph, "down" + i, hidden, g.offsets(), g.pairs(), banks.get(i), out, hiddenStride);
                    }
                },
                hidden, g.offsets(), g.pairs(), out);
        return out;
    }

    @ParameterizedTest
    @EnumSource
    void matchesFloat64(Body body) {
        for (DataType type : RowOps.types()) {
            for (int cols : body == Body.HOST ? new int[] {1, 13, 207, 1100} : new int[] {1, 13, 70}) {
                boolean gated = random.nextBoolean();
                Activation act = Activation.values()[random.nextInt(4)];
                int experts = 1 + random.nextInt(4);
                int width = 1 + random.nextInt(20);
                boolean together = random.nextBoolean();
                check(body, act, together, together
                        ? stacked(type, experts, width, cols, gated)
                        : apart(type, experts, width, cols, gated));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyActivationWithAndWithoutGate(Body body) {
        for (Activation act : Activation.values()) {
            check(body, act, true, stacked(RowOps.f16OrF32(), 3, 19, 33, true));
            check(body, act, true, stacked(RowOps.f16OrF32(), 3, 19, 33, false));
        }
    }

    private void check(Body body, Activation act, boolean together, ExpertBanks experts) {
        int width = experts.getFirst().width();
        int cols = experts.getFirst().up().cols();
        boolean gated = experts.getFirst().gated();
        int firstGroup = random.nextInt(2);
        int groups = firstGroup + experts.size() + random.nextInt(2);
        int rows = 1 + random.nextInt(6);
        int hiddenStride = width + random.nextInt(3);
        String what = "seed %d, %s %s %s, %d experts of %d x %d, %d rows, gated %s"
                .formatted(seed, body, experts.getFirst().up().type(), act, experts.size(), width, cols, rows, gated);
        List<ExpertBank> banks = from(firstGroup, experts);
        if (together) {
            assertThat(banks).as(what).hasSize(1);
        }
        int[] groupOf = routing(rows, groups);
        Grouped g = Grouped.of(groupOf, groups);
        FloatArray x = TestArrays.random(random, rows * cols);
        FloatArray hidden = up(body, banks, x, g, hiddenStride, rows, act);
        FloatArray out = down(body, banks, hidden, g, hiddenStride, rows, cols);
        // A gate's error passes through an activation of slope up to 1.2, times an up projection of up to cols.
        double upTolerance = DenseOps.tolerance(cols) * (gated ? 2 * Math.max(4, cols) : 4) + 1e-6;
        for (int p = 0; p < rows * SLOTS; p++) {
            int group = p < g.total() ? groupOf[g.pairs().get(p)] : -1;
            int expert = group - firstGroup;
            boolean ours = group >= 0 && expert >= 0 && expert < experts.size();
            for (int r = 0; r < hiddenStride; r++) {
                int at = p * hiddenStride + r;
                if (!ours || r >= width) {
                    RowOps.assertUntouched(what, hidden, at);
                    continue;
                }
                ExpertWeights w = experts.get(expert);
                int xAt = g.pairs().get(p) / SLOTS * cols;
                double u = DenseOps.dot(w.up(), r, x, xAt);
                double expected = gated
                        ? DenseOps.activate(act, DenseOps.dot(w.gate(), r, x, xAt)) * u
                        : DenseOps.activate(act, u);
                assertClose(what, hidden, at, expected, upTolerance);
            }
        }
        for (int p = 0; p < g.total(); p++) {
            int expert = groupOf[g.pairs().get(p)] - firstGroup;
            double largest = 1;
            for (int r = 0; expert >= 0 && expert < experts.size() && r < width; r++) {
                largest = Math.max(largest, Math.abs(hidden.get(p * hiddenStride + r)));
            }
            for (int c = 0; c < cols; c++) {
                int at = g.pairs().get(p) * cols + c;
                if (expert < 0 || expert >= experts.size()) {
                    RowOps.assertUntouched(what, out, at);
                    continue;
                }
                double expected = DenseOps.dot(experts.get(expert).down(), c, hidden, p * hiddenStride);
                assertClose(what + ", down", out, at, expected, largest * DenseOps.tolerance(width));
            }
        }
        for (int pair = 0; pair < groupOf.length; pair++) {
            if (groupOf[pair] < 0) {
                RowOps.assertUntouched(what + ", empty slot", out, pair * cols);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPairHasTheSameBitsAloneAndAmongOthersAndInAnyBank(Body body) {
        int cols = body == Body.HOST ? 1050 : 90;
        int width = 21;
        int rows = body == Body.HOST ? 60 : 5;
        ExpertBanks experts = stacked(RowOps.f16OrF32(), 3, width, cols, true);
        FloatArray x = TestArrays.random(random, rows * cols);
        int[] groupOf = routing(rows, 3);
        groupOf[0] = 1;
        Grouped all = Grouped.of(groupOf, 3);
        List<ExpertBank> one = experts.banks();
        List<ExpertBank> three = ExpertBanks.separate(experts).banks();
        FloatArray hidden = up(body, one, x, all, width, rows, Activation.SILU);
        FloatArray out = down(body, one, hidden, all, width, rows, cols);
        FloatArray hidden3 = up(body, three, x, all, width, rows, Activation.SILU);
        FloatArray out3 = down(body, three, hidden3, all, width, rows, cols);
        assertSameBits("seed " + seed + " banks", hidden3, hidden, 0, all.total() * width);
        assertSameBits("seed " + seed + " banks", out3, out, 0, rows * SLOTS * cols);
        for (int pair = 0; pair < Math.min(6, rows * SLOTS); pair++) {
            if (groupOf[pair] < 0) {
                continue;
            }
            int[] alone = new int[rows * SLOTS];
            Arrays.fill(alone, -1);
            alone[pair] = groupOf[pair];
            Grouped g = Grouped.of(alone, 3);
            FloatArray hidden1 = up(body, one, x, g, width, rows, Activation.SILU);
            FloatArray out1 = down(body, one, hidden1, g, width, rows, cols);
            assertSameBits("seed " + seed + " pair " + pair, out1, out, pair * cols, (pair + 1) * cols);
        }
    }

    @ParameterizedTest
    @EnumSource
    void noPairsTouchNothing(Body body) {
        ExpertBanks experts = stacked(DataType.F32, 2, 4, 5, true);
        Grouped none = Grouped.of(new int[] {-1, -1}, 2);
        FloatArray x = TestArrays.random(random, 5);
        FloatArray hidden = up(body, experts.banks(), x, none, 4, 1, Activation.SILU);
        for (int i = 0; i < 8; i++) {
            RowOps.assertUntouched("up", hidden, i);
        }
        FloatArray out = down(body, experts.banks(), hidden, none, 4, 1, 5);
        for (int i = 0; i < 10; i++) {
            RowOps.assertUntouched("down", out, i);
        }
    }

    @Test
    void banksMergeNeighboursOnly() {
        ExpertBanks a = stacked(DataType.F16, 4, 3, 5, true);
        ExpertBanks mixed = a;
        for (ExpertWeights expert : apart(DataType.F16, 2, 3, 5, true)) {
            mixed = mixed.plus(expert);
        }
        assertThat(from(7, mixed))
                .extracting(ExpertBank::firstGroup, ExpertBank::count)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple(7, 4),
                        org.assertj.core.groups.Tuple.tuple(11, 1),
                        org.assertj.core.groups.Tuple.tuple(12, 1));
        assertThat(mixed.select(List.of(3, 4, 5))).extracting(e -> e.up().data())
                .containsExactly(mixed.get(3).up().data(), mixed.get(4).up().data(), mixed.get(5).up().data());
        assertThat(mixed.select(List.of(3, 4, 5)).banks()).extracting(ExpertBank::count).containsExactly(1, 1, 1);
        ExpertBanks withGap = a.select(List.of(0, 1, 3));
        assertThat(withGap.banks()).extracting(ExpertBank::count).containsExactly(2, 1);
        assertThat(withGap).containsExactly(a.get(0), a.get(1), a.get(3));
        ExpertBanks apart = a.select(List.of(1, 3));
        assertThat(apart.banks()).extracting(ExpertBank::count).containsExactly(2);
        assertThat(apart).containsExactly(a.get(1), a.get(3));
        ExpertBanks backwards = a.select(List.of(2, 1, 0));
        assertThat(backwards.banks()).extracting(ExpertBank::count).containsExactly(1, 1, 1);
        assertThat(backwards).containsExactly(a.get(2), a.get(1), a.get(0));
        assertThat(a.select(List.of(1, 1)).banks()).extracting(ExpertBank::count).containsExactly(2);
        assertThat(a.select(List.of()).banks()).isEmpty();
    }

    @Test
    void aBankMustLieWithinItsArrays() {
        ExpertWeights e = stacked(DataType.F16, 1, 3, 5, false).getFirst();
        assertThatThrownBy(() -> new ExpertBank(0, 2, e, 0, 1000, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("up of expert 1 ends at element");
    }
}
