package io.maseparation.kernels.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DeviceArrays;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

class DispatchCombineTest {
    private static final int UNTOUCHED = -99;

    @Property(tries = 60, shrinking = ShrinkingMode.BOUNDED)
    void dispatchIsAStableSort(
            @ForAll @IntRange(min = 1, max = 40) int rows,
            @ForAll @IntRange(min = 1, max = 9) int slots,
            @ForAll @IntRange(min = 0, max = 256) int experts,
            @ForAll @IntRange(min = 0, max = 10) int emptyTenths,
            @ForAll @IntRange(min = 0, max = 10) int remoteTenths,
            @ForAll long seed) {
        for (Body body : Body.values()) {
            if (body != Body.GPU || seed % 4 == 0) {
                dispatch(body, rows, slots, experts, emptyTenths, remoteTenths, seed);
            }
        }
    }

    private static void dispatch(
            Body body, int rows, int slots, int experts, int emptyTenths, int remoteTenths, long seed) {
        Random random = new Random(seed);
        int first = random.nextInt(rows);
        int count = random.nextInt(rows - first + 1);
        int groups = 0;
        IntArray groupOf = DeviceArrays.ints(experts + 1);
        for (int e = 0; e <= experts; e++) {
            groupOf.set(e, random.nextInt(10) < remoteTenths ? -1 : groups++);
        }
        groups = Math.max(1, groups);
        IntArray ids = DeviceArrays.ints(rows * slots);
        for (int p = 0; p < rows * slots; p++) {
            ids.set(p, random.nextInt(10) < emptyTenths ? -1 : random.nextInt(experts + 1));
        }
        IntArray offsets = DeviceArrays.ints(groups + 1);
        IntArray pairs = DeviceArrays.ints(rows * slots);
        pairs.init(UNTOUCHED);
        IntArray step = RowOps.step(first, count, 0);
        int groupCount = groups;
        RowOps.run(
                body,
                g -> Dispatch.add(g, "dispatch", step, ids, slots, groupOf, groupCount, offsets, pairs),
                step,
                ids,
                groupOf,
                offsets,
                pairs);
        List<Integer> expected = new ArrayList<>();
        for (int group = 0; group < groups; group++) {
            assertThat(offsets.get(group)).as("%s offset %d", body, group).isEqualTo(expected.size());
            for (int p = first * slots; p < (first + count) * slots; p++) {
                if (ids.get(p) >= 0 && groupOf.get(ids.get(p)) == group) {
                    expected.add(p);
                }
            }
        }
        assertThat(offsets.get(groups)).as("%s end", body).isEqualTo(expected.size());
        for (int i = 0; i < rows * slots; i++) {
            assertThat(pairs.get(i))
                    .as("%s pair %d", body, i)
                    .isEqualTo(i < expected.size() ? expected.get(i) : UNTOUCHED);
        }
    }

    @Property(tries = 40, shrinking = ShrinkingMode.BOUNDED)
    void combineAddsInSlotOrder(
            @ForAll @IntRange(min = 1, max = 9) int slots,
            @ForAll @IntRange(min = 0, max = 4) int size,
            @ForAll boolean accumulate,
            @ForAll long seed) {
        int n = new int[] {1, 13, 64, 207, 4098}[size];
        for (Body body : new Body[] {Body.PORTABLE, Body.HOST}) {
            combine(body, slots, n, accumulate, seed);
        }
    }

    private static void combine(Body body, int slots, int n, boolean accumulate, long seed) {
        Random random = new Random(seed);
        int rows = 5;
        float scale = 0.75f;
        FloatArray weights = TestArrays.random(random, rows * slots);
        FloatArray expertOut = TestArrays.random(random, rows * slots * n);
        IntArray ids = DeviceArrays.ints(rows * slots);
        for (int p = 0; p < rows * slots; p++) {
            ids.set(p, random.nextInt(5) - 1);
            if (ids.get(p) < 0) {
                weights.set(p, Float.NaN);
                for (int i = 0; i < n; i++) {
                    expertOut.set(p * n + i, Float.NaN);
                }
            }
        }
        FloatArray before = accumulate ? TestArrays.random(random, rows * n) : TestArrays.poisoned(rows * n);
        FloatArray out = RowOps.copy(before);
        IntArray step = RowOps.step(1, 3, 0);
        RowOps.run(
                body,
                g -> Combine.add(g, "combine", step, expertOut, weights, ids, out, slots, n, scale, accumulate),
                step,
                expertOut,
                weights,
                ids,
                out);
        String what = "%s slots %d n %d".formatted(body, slots, n);
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < n; i++) {
                int at = row * n + i;
                if (row < 1 || row > 3) {
                    RowOps.assertSameBits(what, out, before, at, at + 1);
                    continue;
                }
                double sum = 0;
                for (int j = 0; j < slots; j++) {
                    int pair = row * slots + j;
                    if (ids.get(pair) >= 0) {
                        sum += (double) weights.get(pair) * expertOut.get(pair * n + i);
                    }
                }
                double expected = scale * sum + (accumulate ? before.get(at) : 0);
                RowOps.assertClose(what, out, at, expected, 2e-7 * (slots + 1));
            }
        }
        FloatArray alone = RowOps.copy(before);
        IntArray one = RowOps.step(2, 1, 1);
        RowOps.run(
                body,
                g -> Combine.add(g, "combine", one, expertOut, weights, ids, alone, slots, n, scale, accumulate),
                one,
                expertOut,
                weights,
                ids,
                alone);
        RowOps.assertSameBits(what, alone, out, 2 * n, 3 * n);
    }
}
