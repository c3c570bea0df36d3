package io.maseparation.parallel.compare;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Prompts for measurements, where the words do not matter. */
public final class RandomPrompts {
    private RandomPrompts() {}

    /**
     * {@return prompts of uniformly random tokens, the same for the same seed}
     *
     * @param count prompts
     * @param tokens tokens of each
     * @param vocab tokens are below this
     * @param seed the same for the same prompts
     * @throws io.maseparation.files.ModelException if a number makes no sense
     */
    public static List<int[]> of(int count, int tokens, int vocab, long seed) {
        SpeedTest.atLeast(0, "count", count);
        SpeedTest.atLeast(0, "tokens", tokens);
        SpeedTest.atLeast(1, "vocab", vocab);
        SplittableRandom random = new SplittableRandom(seed);
        return IntStream.range(0, count).mapToObj(i -> random.ints(tokens, 0, vocab).toArray()).toList();
    }
}
