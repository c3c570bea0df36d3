package io.maseparation.parallel.layout;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Lists of ranks. They are made once and shared by all operations that name them, since copying one keeps it. */
final class RankLists {
    private RankLists() {}

    /** {@code n} lists to add to. */
    static List<List<Integer>> empty(int n) {
        return Stream.<List<Integer>>generate(ArrayList::new).limit(n).toList();
    }

    /** {@code n} ranks from {@code first}. */
    static List<Integer> of(int first, int n) {
        return every(first, 1, n);
    }

    /** {@code n} ranks from {@code first}, {@code step} apart. */
    static List<Integer> every(int first, int step, int n) {
        return List.copyOf(IntStream.range(0, n).map(i -> first + i * step).boxed().toList());
    }
}
