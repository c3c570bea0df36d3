package io.maseparation.parallel.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.Sampler;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.execute.RandomTargets;
import io.maseparation.parallel.execute.rank.KvTable;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The batch does not change the answer: tokens and logits of a request are bit for bit those that it has alone in the
 * same layout, whatever joins and leaves beside it, wherever its prompt is cut, whoever has the beginning of it in the
 * cache already, however often it has to make room, and whatever becomes of the layout meanwhile.
 */
class BatchInvarianceTest {
    static final List<Setup> SETUPS = Engines.SETUPS;
    private static final ModelWeights TINY = RandomWeights.create(Presets.config("tiny"), 6);
    private static final int POSITIONS = 200;

    /** What was forced. */
    private static final class Forced {
        final AtomicInteger refused = new AtomicInteger();
        final AtomicInteger shared = new AtomicInteger();
        final AtomicInteger changed = new AtomicInteger();

        /** Whether there was no sharing, or no giving back, so far. */
        boolean lacks() {
            return refused.get() == 0 || shared.get() == 0;
        }
    }

    /** Says now and then that there is no room for a sequence that goes on. */
    private static final class Tight implements KvPool {
        private final BlockPool pool;
        private final SplittableRandom random;
        private final Forced forced;

        Tight(int size, SplittableRandom random, Forced forced) {
            pool = new BlockPool(size);
            this.random = random;
            this.forced = forced;
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
        public int[] known(Prompt prompt) {
            return pool.known(prompt);
        }

        @Override
        public Optional<KvTable> allocate(int now, int most, int[] known) {
            Optional<KvTable> table = pool.allocate(now, most, known);
            table.ifPresent(t -> forced.shared.addAndGet(known.length));
            return table;
        }

        @Override
        public void written(KvTable table, Prompt prompt, int from, int to) {
            pool.written(table, prompt, from, to);
        }

        @Override
        public void forgetWhatNobodyHas() {
            pool.forgetWhatNobodyHas();
        }

        @Override
        public boolean reach(KvTable table, int positions) {
            if (random.nextInt(40) == 0) {
                forced.refused.incrementAndGet();
                return false;
            }
            return pool.reach(table, positions);
        }

        @Override
        public void free(KvTable table) {
            pool.free(table);
        }
    }

    /** Knows nothing of what is there. */
    private record Forgetful(BlockPool pool) implements KvPool {
        Forgetful(int size) {
            this(new BlockPool(size));
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
        public int[] known(Prompt prompt) {
            return new int[0];
        }

        @Override
        public Optional<KvTable> allocate(int now, int most, int[] known) {
            return pool.allocate(now, most, known);
        }

        @Override
        public boolean reach(KvTable table, int positions) {
            return pool.reach(table, positions);
        }

        @Override
        public void written(KvTable table, Prompt prompt, int from, int to) {}

        @Override
        public void free(KvTable table) {
            pool.free(table);
        }

        @Override
        public void forgetWhatNobodyHas() {}
    }

    private record Asked(GenerationRequest request, Completion completion, boolean cancelled) {}

    /** Wants another layout at every look. */
    private static final class Restless implements LayoutPolicy {
        private final SplittableRandom random;
        private final ModelConfig config;
        private final Forced forced;
        private final int interval;

        /** @param interval long enough for what is taken in once more to come to its end */
        Restless(SplittableRandom random, ModelConfig config, Forced forced, int interval) {
            this.interval = interval;
            this.random = random;
            this.config = config;
            this.forced = forced;
        }

        @Override
        public int interval() {
            return interval;
        }

        @Override
        public Optional<Proposal> propose(LiveState state) {
            LayoutChange.Kind kind = LayoutChange.Kind.values()[random.nextInt(3)];
            return Optional.of(new Proposal(
                    RandomTargets.target(random, config, state, state.plan().ranks().size()), kind, 1));
        }

        @Override
        public void ended(LayoutChange change, LiveState state) {
            assertThat(change.made()).as("%s", change).isTrue();
            forced.changed.incrementAndGet();
        }
    }

    /** Prompts, some of which begin alike: with one of two, up to somewhere. */
    private static int[] prompt(SplittableRandom random, ModelConfig config) {
        int[] own = random.ints(1 + random.nextInt(random.nextInt(3) == 0 ? 90 : 8), 0, config.vocab()).toArray();
        if (random.nextInt(3) == 0) {
            return own;
        }
        int[] alike = new SplittableRandom(random.nextInt(2)).ints(140, 0, config.vocab()).toArray();
        int[] prompt = Arrays.copyOf(alike, Math.min(150, random.nextInt(60, 140) + own.length));
        int length = Math.min(prompt.length, own.length);
        System.arraycopy(own, 0, prompt, prompt.length - length, length);
        return prompt;
    }

    private static GenerationRequest request(SplittableRandom random, ModelConfig config) {
        Sampler sampler = switch (random.nextInt(4)) {
            case 0 -> new Sampler(0.9, 0, 0.95, 0, 1, random.nextInt(100));
            case 1 -> Sampler.greedy().withRepetitionPenalty(1.3);
            default -> Sampler.greedy();
        };
        GenerationRequest request = GenerationRequest.ids(prompt(random, config))
                .withMaxTokens(1 + random.nextInt(random.nextInt(3) == 0 ? 30 : 6))
                .withSampler(sampler);
        return random.nextBoolean() ? request.withPromptLogits() : request;
    }

    private static void check(ModelWeights weights, Setup setup, ExecutionOptions options, long seed, Forced forced)
            throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        int requests = 25 + random.nextInt(10);
        EngineLimits limits = new EngineLimits(
                1 + random.nextInt(8), POSITIONS, 4 + random.nextInt(30), requests);
        List<Asked> asked = new ArrayList<>();
        try (EngineCore engine = Engines.start(
                weights, setup, limits, options, size -> new Tight(size, random.split(), forced))) {
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
        // Alone, its prompt in whole blocks, and nothing that was there before.
        try (EngineCore engine = Engines.start(
                weights, setup, new EngineLimits(1, POSITIONS, 64, 1), Forgetful::new)) {
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
        Forced forced = new Forced();
        for (long seed = 1; seed <= 30 && (forced.lacks() || System.nanoTime() - start < 2.5e9); seed++) {
            check(TINY, setup, Engines.options(), seed, forced);
        }
        assertThat(forced.refused.get()).as("the test's own refusals").isPositive();
        assertThat(forced.shared.get()).as("blocks that were shared").isPositive();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @Timeout(60)
    void aRequestHasWhatItHasAloneWhileExpertsSequencesAndTheRatioChange(boolean memoryApart) throws Exception {
        long start = System.nanoTime();
        Forced forced = new Forced();
        for (long seed = 1; seed <= 30
                && (forced.lacks() || forced.changed.get() <= 10 || System.nanoTime() - start < 4e9); seed++) {
            checkChanging(memoryApart, seed, forced);
        }
        assertThat(forced.refused.get()).as("the test's own refusals").isPositive();
        assertThat(forced.shared.get()).as("blocks that were shared").isPositive();
        assertThat(forced.changed.get()).as("changes of layout").isGreaterThan(10);
    }

    private static void checkChanging(boolean memoryApart, long seed, Forced forced) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        Setup setup = Layout.separated(1 + random.nextInt(3), 1 + random.nextInt(2))
                .withMicroBatches(1 + random.nextInt(3));
        ExecutionOptions options = memoryApart
                ? Engines.options()
                : Engines.options().withDevices(Device.forRanks(5));
        check(TINY, setup,
                options.withChanges(new Changes(
                        List.of(), Optional.of(new Restless(
                                random, TINY.config(), forced, memoryApart ? 40 : 5)),
                        Duration.ofMinutes(1))),
                seed, forced);
    }

    @ParameterizedTest
    @FieldSource("SETUPS")
    @Tag("long")
    void aRequestHasWhatItHasAloneForLong(Setup setup) throws Exception {
        for (long seed = 1000; seed < 1040; seed++) {
            check(TINY, setup, Engines.options(), seed, new Forced());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @Tag("long")
    void aRequestHasWhatItHasAloneWhileTheLayoutChangesForLong(boolean memoryApart) throws Exception {
        for (long seed = 1000; seed < 1040; seed++) {
            checkChanging(memoryApart, seed, new Forced());
        }
    }
}
