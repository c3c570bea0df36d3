package io.maseparation.parallel.simulate;

import static io.maseparation.moe.CounterRandom.mix;

import io.maseparation.moe.CounterRandom;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Experts drawn without replacement, the i-th most popular with a weight of i^−s; s = 0 is uniform. Which experts are
 * popular differs from layer to layer and follows from the seed.
 */
final class ZipfRouting implements RoutingModel {
    /** Most draws that may hit an expert already chosen; after them, the draw is among the remaining experts only. */
    private static final int TRIES = 24;

    private final double exponent;
    private final Map<Integer, double[]> cumulative = new ConcurrentHashMap<>();
    private final Map<Popularity, int[]> popularity = new ConcurrentHashMap<>();

    /** Which experts are popular. */
    private record Popularity(long seed, int layer, int experts) {}

    ZipfRouting(double exponent) {
        this.exponent = exponent;
    }

    @Override
    public void chooseAll(long seed, int step, int layer, long[] rows, int slots, int[] chosen, int experts) {
        double[] sums = cumulative.computeIfAbsent(experts, this::sums);
        int[] order = popularity.computeIfAbsent(new Popularity(seed, layer, experts), ZipfRouting::order);
        long start = start(seed, step, layer);
        int[] ofRow = new int[slots];
        for (int row = 0; row < rows.length; row++) {
            choose(sums, order, start, rows[row], ofRow);
            System.arraycopy(ofRow, 0, chosen, row * slots, slots);
        }
    }

    /** Mixed at every level, so that no two rows use the same sequence of random numbers. */
    private static long start(long seed, int step, int layer) {
        return mix(mix(mix(seed ^ 0x6a09e667f3bcc909L) + layer) + step);
    }

    private static void choose(double[] sums, int[] order, long start, long row, int[] chosen) {
        int experts = order.length;
        long key = mix(start + row);
        int draw = 0;
        for (int slot = 0; slot < chosen.length; slot++) {
            int expert = -1;
            for (int attempt = 0; attempt < TRIES && expert < 0; attempt++) {
                int found = find(sums, CounterRandom.uniform(key, draw++) * sums[experts - 1]);
                expert = holds(chosen, slot, order[found]) ? -1 : order[found];
            }
            if (expert < 0) {
                expert = amongTheRest(sums, order, chosen, slot, CounterRandom.uniform(key, draw++));
            }
            chosen[slot] = expert;
        }
    }

    @Override
    public String description() {
        return exponent == 0 ? "uniform" : "zipf:" + String.format(Locale.ROOT, "%s", exponent);
    }

    private double[] sums(int experts) {
        double[] sums = new double[experts];
        double sum = 0;
        for (int i = 0; i < experts; i++) {
            sum += Math.pow(i + 1.0, -exponent);
            sums[i] = sum;
        }
        return sums;
    }

    private static int[] order(Popularity of) {
        int[] order = new int[of.experts()];
        for (int i = 0; i < order.length; i++) {
            // Fisher–Yates, inside out.
            int j = (int) Long.remainderUnsigned(mix(mix(of.seed() + of.layer()) + i), i + 1L);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    private static int find(double[] sums, double value) {
        int at = Arrays.binarySearch(sums, value);
        return Math.min(sums.length - 1, at < 0 ? -at - 1 : at + 1);
    }

    private static int amongTheRest(double[] sums, int[] order, int[] chosen, int slot, double unit) {
        double rest = 0;
        for (int i = 0; i < sums.length; i++) {
            rest += holds(chosen, slot, order[i]) ? 0 : weight(sums, i);
        }
        double left = unit * rest;
        int last = -1;
        for (int i = 0; i < sums.length; i++) {
            if (!holds(chosen, slot, order[i])) {
                last = order[i];
                left -= weight(sums, i);
                if (left < 0) {
                    break;
                }
            }
        }
        return last;
    }

    private static double weight(double[] sums, int i) {
        return i == 0 ? sums[0] : sums[i] - sums[i - 1];
    }

    private static boolean holds(int[] chosen, int n, int expert) {
        for (int i = 0; i < n; i++) {
            if (chosen[i] == expert) {
                return true;
            }
        }
        return false;
    }
}
