package io.maseparation.parallel.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.Sampler;
import io.maseparation.parallel.execute.rank.KvTable;
import io.maseparation.parallel.layout.Setup;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * The batch does not change the answer: tokens and logits of a request are bit for bit those that it has alone in the
 * same layout, whatever joins and leaves beside it, wherever its prompt is cut, and however often it has to make room.
 */
class BatchInvarianceTest {
    static final List<Setup> SETUPS = Engines.SETUPS;
    private static final ModelWeights TINY = RandomWeights.create(Presets.config("tiny"), 6);
    private static final int POSITIONS = 200;

    /** Says now and then that there is no room for a sequence that goes on. */
    private static final class Tight implements KvPool {
        private final BlockPool pool;
        private final SplittableRandom random;
        private final AtomicInteger refused;

        Tight(int size, SplittableRandom random, AtomicInteger refused) {
            pool = new BlockPool(size);
            this.random = random;
            this.refused = refused;
        }

        @Override
        public int size() {
            return pool.size();
        }

        @Override
        public int used() {
            return pool.used();
        }

        @Override
        public Optional<KvTable> allocate(int now, int most) {
            return pool.allocate(now, most);
        }

        @Override
        public boolean reach(KvTable table, int positions) {
            if (random.nextInt(40) == 0) {
                refused.incrementAndGet();
                return false;
            }
            return pool.reach(table, positions);
        }

        @Override
        public void free(KvTable table) {
            pool.free(table);
        }
    }

    private record Asked(GenerationRequest request, Completion completion, boolean cancelled) {}

    private static GenerationRequest request(SplittableRandom random, ModelConfig config) {
        int prompt = 1 + random.nextInt(random.nextInt(3) == 0 ? 90 : 8);
        Sampler sampler = switch (random.nextInt(4)) {
            case 0 -> new Sampler(0.9, 0, 0.95, 0, 1, random.nextInt(100));
            case 1 -> Sampler.greedy().withRepetitionPenalty(1.3);
            default -> Sampler.greedy();
        };
        GenerationRequest request = GenerationRequest.ids(random.ints(prompt, 0, config.vocab()).toArray())
                .withMaxTokens(1 + random.nextInt(random.nextInt(3) == 0 ? 30 : 6))
                .withSampler(sampler);
        return random.nextBoolean() ? request.withPromptLogits() : request;
    }

    private static void check(ModelWeights weights, Setup setup, long seed, int requests) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        EngineLimits limits = new EngineLimits(
                1 + random.nextInt(8), POSITIONS, 1 + random.nextInt(12), requests);
        AtomicInteger refused = new AtomicInteger();
        List<Asked> asked = new ArrayList<>();
        try (EngineCore engine = Engines.start(
                weights, setup, limits, size -> new Tight(size, random.split(), refused))) {
            for (int i = 0; i < requests; i++) {
                GenerationRequest request = request(random, weights.config());
                Completion completion = engine.submit(request);
                boolean cancelled = random.nextInt(5) == 0;
                asked.add(new Asked(request, completion, cancelled));
                if (cancelled && random.nextBoolean()) {
                    completion.cancel();
                }
                if (random.nextInt(4) == 0) {
                    Completion other = asked.get(random.nextInt(asked.size())).completion;
                    for (GeneratedToken _ : other.tokens()) {
                        break;
                    }
                }
            }
            asked.stream().filter(Asked::cancelled).forEach(a -> a.completion.cancel());
            for (Asked a : asked) {
                a.completion.result();
            }
            Engines.assertComesToRest(engine);
        }
        assertThat(refused.get()).as("the test's own refusals").isPositive();
        // Alone, its prompt in one piece.
        try (EngineCore engine = Engines.start(weights, setup, new EngineLimits(1, POSITIONS, 64, 1))) {
            for (Asked a : asked) {
                GenerationResult actual = a.completion.result();
                GenerationResult expected = engine.submit(a.request).result();
                List<Integer> tokens = expected.tokenIds();
                assertThat(actual.finish()).as("%s, seed %d", setup, seed)
                        .isIn(a.cancelled ? List.of(Finish.CANCELLED, expected.finish()) : List.of(expected.finish()));
                assertThat(actual.tokenIds()).as("%s, seed %d, request %d", setup, seed, a.completion.number())
                        .isEqualTo(actual.finish() == Finish.CANCELLED
                                ? tokens.subList(0, actual.tokenIds().size())
                                : tokens);
                assertThat(actual.promptLogits()).as("%s, seed %d, request %d", setup, seed, a.completion.number())
                        .isEqualTo(actual.tokenIds().isEmpty() ? null : expected.promptLogits());
            }
        }
    }

    @ParameterizedTest
    @FieldSource("SETUPS")
    @Timeout(60)
    void aRequestHasWhatItHasAlone(Setup setup) throws Exception {
        long start = System.nanoTime();
        for (long seed = 1; seed <= 30 && System.nanoTime() - start < 2.5e9; seed++) {
            check(TINY, setup, seed, 25);
        }
    }

    @ParameterizedTest
    @FieldSource("SETUPS")
    @Tag("long")
    void aRequestHasWhatItHasAloneForLong(Setup setup) throws Exception {
        for (long seed = 1000; seed < 1060; seed++) {
            check(TINY, setup, seed, 60);
        }
    }
}
