package io.maseparation.parallel.layout;

import java.util.List;
import java.util.stream.IntStream;

/** Lists of ranks. They are made once and shared by all operations that name them, since copying one keeps it. */
final class RankLists {
    private RankLists() {}

    /** {@code n} ranks from {@code first}. */
    static List<Integer> of(int first, int n) {
        return every(first, 1, n);
    }

    /** {@code n} ranks from {@code first}, {@code step} apart. */
    static List<Integer> every(int first, int step, int n) {
        return List.copyOf(IntStream.range(0, n).map(i -> first + i * step).boxed().toList());
    }
}
