package io.maseparation.parallel.simulate;

import static io.maseparation.moe.CounterRandom.mix;

import io.maseparation.moe.CounterRandom;
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
    private final Map<Integer, Weights> cumulative = new ConcurrentHashMap<>();
    private final Map<Popularity, int[]> popularity = new ConcurrentHashMap<>();

    /** Which experts are popular. */
    private record Popularity(long seed, int layer, int experts) {}

    /**
     * Weights of experts, the most popular first.
     *
     * @param sums of the weights up to and including each
     * @param first for each of as many equal parts of the whole sum, the first expert that a value in it may fall on
     */
    private record Weights(double[] sums, int[] first) {
        static Weights of(double[] sums) {
            int[] first = new int[sums.length];
            int at = 0;
            for (int part = 0; part < first.length; part++) {
                double from = sums[sums.length - 1] * part / first.length;
                while (at < sums.length - 1 && sums[at] <= from) {
                    at++;
                }
                first[part] = at;
            }
            return new Weights(sums, first);
        }

        double total() {
            return sums[sums.length - 1];
        }

        double weight(int i) {
            return i == 0 ? sums[0] : sums[i] - sums[i - 1];
        }

        /** The expert that a part of the whole sum, from 0 to 1, falls on: the first whose sum is larger. */
        int find(double unit) {
            double value = unit * total();
            int at = first[Math.min(first.length - 1, (int) (unit * first.length))];
            // Rounding may have put the value into the next part.
            while (at > 0 && sums[at - 1] > value) {
                at--;
            }
            while (at < sums.length - 1 && sums[at] <= value) {
                at++;
            }
            return at;
        }
    }

    ZipfRouting(double exponent) {
        this.exponent = exponent;
    }

    @Override
    public void chooseAll(long seed, int step, int layer, long[] rows, int slots, int[] chosen, int experts) {
        Weights weights = cumulative.computeIfAbsent(experts, e -> Weights.of(sums(e)));
        int[] order = popularity.computeIfAbsent(new Popularity(seed, layer, experts), ZipfRouting::order);
        long start = start(seed, step, layer);
        int[] ofRow = new int[slots];
        for (int row = 0; row < rows.length; row++) {
            choose(weights, order, start, rows[row], ofRow);
            System.arraycopy(ofRow, 0, chosen, row * slots, slots);
        }
    }

    /** Mixed at every level, so that no two rows use the same sequence of random numbers. */
    private static long start(long seed, int step, int layer) {
        return mix(mix(mix(seed ^ 0x6a09e667f3bcc909L) + layer) + step);
    }

    private static void choose(Weights weights, int[] order, long start, long row, int[] chosen) {
        long key = mix(start + row);
        int draw = 0;
        for (int slot = 0; slot < chosen.length; slot++) {
            int expert = -1;
            for (int attempt = 0; attempt < TRIES && expert < 0; attempt++) {
                int found = weights.find(CounterRandom.uniform(key, draw++));
                expert = holds(chosen, slot, order[found]) ? -1 : order[found];
            }
            if (expert < 0) {
                expert = amongTheRest(weights, order, chosen, slot, CounterRandom.uniform(key, draw++));
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

    private static int amongTheRest(Weights weights, int[] order, int[] chosen, int slot, double unit) {
        double rest = 0;
        for (int i = 0; i < order.length; i++) {
            rest += holds(chosen, slot, order[i]) ? 0 : weights.weight(i);
        }
        double left = unit * rest;
        int last = -1;
        for (int i = 0; i < order.length; i++) {
            if (!holds(chosen, slot, order[i])) {
                last = order[i];
                left -= weights.weight(i);
                if (left < 0) {
                    break;
                }
            }
        }
        return last;
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
