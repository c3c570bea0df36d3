package io.maseparation.parallel.balance;

import java.util.Comparator;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/** Indices in the order of the values they belong to. */
final class Indices {
    private Indices() {}

    /** Indices 0 to n − 1 by ascending value; of equal values the lower index comes first. */
    static int[] ascending(int n, IntToDoubleFunction value) {
        return IntStream.range(0, n)
                .boxed()
                .sorted(Comparator.comparingDouble(value::applyAsDouble))
                .mapToInt(i -> i)
                .toArray();
    }

    /** Index of the largest value, the first of equals. */
    static int ofLargest(double[] values) {
        int found = 0;
        for (int i = 1; i < values.length; i++) {
            if (values[i] > values[found]) {
                found = i;
            }
        }
        return found;
    }
}
