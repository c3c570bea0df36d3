package io.maseparation.kernels.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.Routing;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@Tag("tornado")
class RouterTest {
    private static final int ROWS = 4;

    /** Relative rounding of a weight whose scores are dot products over n columns of numbers up to 1. */
    private static double tolerance(int n) {
        return 1e-6 + 6e-7 * Math.sqrt(n);
    }

    private static List<Routing> routings() {
        List<Routing> all = new ArrayList<>();
        all.add(new Routing(0, 0, Routing.Rule.SOFTMAX_THEN_TOP_K, false, Routing.Extra.ALWAYS));
        int[][] sizes = {{1, 1}, {8, 2}, {16, 2}, {40, 8}, {64, 8}, {60, 4}, {256, 8}, {5, 5}, {33, 1}};
        for (int[] size : sizes) {
            for (Routing.Extra extra : Routing.Extra.values()) {
                all.add(new Routing(size[0], size[1], Routing.Rule.SOFTMAX_THEN_TOP_K, false, extra));
                all.add(new Routing(size[0], size[1], Routing.Rule.SOFTMAX_THEN_TOP_K, true, extra));
                all.add(new Routing(size[0], size[1], Routing.Rule.TOP_K_THEN_SOFTMAX, false, extra));
            }
        }
        return all;
    }

    private record Result(IntArray ids, FloatArray weights) {}

    private static Result run(
            Body body, Routing routing, int hidden, FloatArray h, FloatArray gate, FloatArray extra, int first,
            int count) {
        IntArray ids = DeviceArrays.ints(ROWS * routing.slots());
        ids.init(-7);
        // The second of two layers.
        IntArray choices = DeviceArrays.ints(2 * ids.getSize());
        choices.init(-7);
        IntArray at = TestArrays.ints(ids.getSize());
        FloatArray weights = TestArrays.poisoned(ROWS * routing.slots());
        FloatArray scores = TestArrays.poisoned(ROWS * Math.max(1, routing.experts()));
        IntArray step = RowOps.step(first, count, 0);
        RowOps.run(
                body,
                g -> Router.add(g, "router", step, h, gate, extra, ids, weights, choices, at, scores, hidden,
                        routing),
                step,
                h,
                ids,
                choices,
                weights,
                scores);
        for (int i = 0; i < ids.getSize(); i++) {
            assertThat(choices.get(i)).isEqualTo(-7);
            assertThat(choices.get(ids.getSize() + i)).isEqualTo(ids.get(i));
        }
        return new Result(ids, weights);
    }

    private static double dot(FloatArray a, int aBase, FloatArray b, int bBase, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += (double) a.get(aBase + i) * b.get(bBase + i);
        }
        return sum;
    }

    private static void check(String what, Routing routing, int hidden, FloatArray h, FloatArray gate, FloatArray extra,
            Result result, int first, int count) {
        int slots = routing.slots();
        for (int row = 0; row < ROWS; row++) {
            int slot = row * slots;
            if (row < first || row >= first + count) {
                for (int j = 0; j < slots; j++) {
                    assertThat(result.ids.get(slot + j)).as(what).isEqualTo(-7);
                    assertThat(result.weights.get(slot + j)).as(what).isNaN();
                }
                continue;
            }
            int r = row;
            double[] score = IntStream.range(0, routing.experts())
                    .mapToDouble(e -> dot(h, r * hidden, gate, e * hidden, hidden))
                    .toArray();
            List<Integer> byScore = new ArrayList<>(
                    IntStream.range(0, routing.experts()).boxed().toList());
            byScore.sort(Comparator.comparingDouble((Integer e) -> -score[e]));
            List<Integer> chosen = byScore.subList(0, routing.topK()).stream().sorted().toList();
            boolean overAll = routing.rule() == Routing.Rule.SOFTMAX_THEN_TOP_K && !routing.renormalise();
            double sum = (overAll ? byScore : chosen).stream().mapToDouble(e -> Math.exp(score[e])).sum();
            for (int j = 0; j < routing.topK(); j++) {
                assertThat(result.ids.get(slot + j)).as(what).isEqualTo(chosen.get(j));
                double expected = Math.exp(score[chosen.get(j)]) / sum;
                RowOps.assertClose(what, result.weights, slot + j, expected, tolerance(hidden) * expected);
            }
            if (routing.extra() != Routing.Extra.NONE) {
                assertThat(result.ids.get(slot + slots - 1)).as(what).isEqualTo(routing.experts());
                double expected = routing.extra() == Routing.Extra.ALWAYS
                        ? 1
                        : 1 / (1 + Math.exp(-dot(h, row * hidden, extra, 0, hidden)));
                RowOps.assertClose(what, result.weights, slot + slots - 1, expected, tolerance(hidden));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Body.class)
    void everyRule(Body body) {
        int[] hiddens = {1, 13, 64, 207};
        int i = 0;
        for (Routing routing : routings()) {
            int hidden = hiddens[i++ % hiddens.length];
            if (body == Body.GPU && routing.experts() > 64 && i % 3 != 0) {
                continue;
            }
            everyRule(body, routing, hidden);
        }
        everyRule(body, new Routing(16, 2, Routing.Rule.SOFTMAX_THEN_TOP_K, true, Routing.Extra.NONE), 4098);
    }

    private static void everyRule(Body body, Routing routing, int hidden) {
        long seed = RowOps.seed();
        String what = "%s %s hidden %d seed %d".formatted(body, routing, hidden, seed);
        Random random = RowOps.random(seed);
        FloatArray h = TestArrays.random(random, ROWS * hidden);
        FloatArray gate = routing.experts() == 0 ? null : TestArrays.random(random, routing.experts() * hidden);
        FloatArray extra = routing.extra() == Routing.Extra.SIGMOID_GATE ? TestArrays.random(random, hidden) : null;
        Result all = run(body, routing, hidden, h, gate, extra, 1, 2);
        check(what, routing, hidden, h, gate, extra, all, 1, 2);
        Result one = run(body, routing, hidden, h, gate, extra, 2, 1);
        int slots = routing.slots();
        RowOps.assertSameBits(what, one.weights, all.weights, 2 * slots, 3 * slots);
        for (int j = 2 * slots; j < 3 * slots; j++) {
            assertThat(one.ids.get(j)).as(what).isEqualTo(all.ids.get(j));
        }
        check(what, routing, hidden, h, gate, extra, run(body, routing, hidden, h, gate, extra, 1, 0), 0, 0);
    }

    @ParameterizedTest
    @EnumSource(Body.class)
    void tiesGoToTheLowestIndex(Body body) {
        int hidden = 8;
        int experts = 70;
        Routing routing = new Routing(experts, 5, Routing.Rule.SOFTMAX_THEN_TOP_K, true, Routing.Extra.NONE);
        FloatArray h = DeviceArrays.floats(ROWS * hidden);
        h.init(1f);
        FloatArray gate = DeviceArrays.floats(experts * hidden);
        gate.init(0.25f);
        Result equal = run(body, routing, hidden, h, gate, null, 0, 1);
        for (int i = 0; i < hidden; i++) {
            gate.set(41 * hidden + i, 0.5f);
            gate.set(3 * hidden + i, 0.125f);
        }
        Result one = run(body, routing, hidden, h, gate, null, 0, 1);
        int[] expectedEqual = {0, 1, 2, 3, 4};
        int[] expectedOne = {0, 1, 2, 4, 41};
        for (int j = 0; j < 5; j++) {
            assertThat(equal.ids.get(j)).isEqualTo(expectedEqual[j]);
            assertThat(equal.weights.get(j)).isEqualTo(0.2f);
            assertThat(one.ids.get(j)).isEqualTo(expectedOne[j]);
        }
    }

    /** By every rule, a NaN among the scores of a row leaves none of its weights a number. */
    @ParameterizedTest
    @EnumSource(Body.class)
    void aNanOfAnyExpertIsInEveryWeightOfItsRow(Body body) {
        int hidden = 8;
        for (int experts : new int[] {6, 40}) {
            for (Routing.Rule rule : Routing.Rule.values()) {
                for (boolean renormalise : new boolean[] {false, true}) {
                    Routing routing = new Routing(experts, 2, rule, renormalise, Routing.Extra.NONE);
                    FloatArray h = TestArrays.random(RowOps.random(3), ROWS * hidden);
                    for (int broken = 0; broken < experts; broken++) {
                        FloatArray gate = TestArrays.random(RowOps.random(4), experts * hidden);
                        gate.set(broken * hidden + 5, Float.NaN);
                        Result result = run(body, routing, hidden, h, gate, null, 1, 1);
                        String what = "%s %s, expert %d".formatted(body, routing, broken);
                        assertThat(result.weights.get(2)).as(what).isNaN();
                        assertThat(result.weights.get(3)).as(what).isNaN();
                        assertThat(result.ids.get(2)).as(what).isBetween(0, experts - 2);
                        assertThat(result.ids.get(3)).as(what).isBetween(result.ids.get(2) + 1, experts - 1);
                    }
                }
            }
        }
    }

    /** A broken row must not name experts that do not exist. */
    @ParameterizedTest
    @EnumSource(Body.class)
    void idsStayValidForNaN(Body body) {
        int hidden = 8;
        Routing routing = new Routing(6, 3, Routing.Rule.SOFTMAX_THEN_TOP_K, true, Routing.Extra.NONE);
        FloatArray h = TestArrays.poisoned(ROWS * hidden);
        FloatArray gate = TestArrays.random(RowOps.random(1), 6 * hidden);
        Result result = run(body, routing, hidden, h, gate, null, 0, ROWS);
        for (int row = 0; row < ROWS; row++) {
            for (int j = 0; j < 3; j++) {
                assertThat(result.ids.get(row * 3 + j)).isBetween(j == 0 ? 0 : result.ids.get(row * 3 + j - 1) + 1, 5);
                assertThat(result.weights.get(row * 3 + j)).isNaN();
            }
        }
    }
}
