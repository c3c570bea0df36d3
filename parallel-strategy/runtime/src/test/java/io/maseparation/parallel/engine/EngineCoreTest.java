package io.maseparation.parallel.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.sun.management.HotSpotDiagnosticMXBean;
import io.maseparation.files.ModelException;
import io.maseparation.kernels.ArrayMemory;
import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.Rope;
import io.maseparation.moe.Sampler;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.execute.TestDevices;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RunFailedException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

@Timeout(60)
class EngineCoreTest {
    static final List<Setup> SETUPS = Engines.SETUPS;
    private static final Setup SINGLE = Layout.single().withMicroBatches(1);
    private static final ModelWeights TINY = RandomWeights.create(Presets.config("tiny"), 6);
    private static final EngineLimits LIMITS = EngineLimits.of(8, 2048);
    /** Longer than any test. */
    private static final int MANY = 480;

    private static String threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.equals("engine") || name.startsWith("rank-"))
                .sorted()
                .collect(Collectors.joining(" "));
    }

    /** Virtual threads are seen by dumps only. */
    private static String virtualThreads(Path folder) throws IOException {
        Path dump = folder.resolve("threads-" + System.nanoTime());
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).dumpThreads(
                dump.toString(), HotSpotDiagnosticMXBean.ThreadDumpFormat.TEXT_PLAIN);
        return Pattern.compile("\"(request|result|subscriber)-\\d+\" virtual").matcher(Files.readString(dump)).results()
                .map(MatchResult::group)
                .collect(Collectors.joining(" "));
    }

    @AfterEach
    void noThreadIsLeft(@TempDir Path temp) throws Exception {
        for (int i = 0; i < 100 && !(threads() + virtualThreads(temp)).isEmpty(); i++) {
            // A thread that has done its last thing is there for a moment more.
            Thread.sleep(10);
        }
        assertThat(threads()).isEmpty();
        assertThat(virtualThreads(temp)).isEmpty();
    }

    private static GenerationRequest request(int maxTokens) {
        return GenerationRequest.ids(1, 2, 3).withMaxTokens(maxTokens).ignoringEos();
    }

    private static List<Integer> alone(Setup setup, GenerationRequest request) throws InterruptedException {
        try (EngineCore engine = Engines.start(TINY, setup, LIMITS)) {
            return engine.submit(request).result().tokenIds();
        }
    }

    private static ExecutionOptions options(Duration stall, java.util.function.IntConsumer onToken) {
        return new ExecutionOptions(
                TestDevices.strict(4), DataType.F32, 0, stall, onToken, false, Changes.NONE);
    }

    /** Takes so many signals at a time. */
    private static final class Taker implements Flow.Subscriber<GeneratedToken> {
        final LinkedBlockingQueue<Object> signals = new LinkedBlockingQueue<>();
        final AtomicReference<Flow.Subscription> subscription = new AtomicReference<>();
        private final long first;

        Taker(long first) {
            this.first = first;
        }

        @Override
        public void onSubscribe(Flow.Subscription given) {
            subscription.set(given);
            signals.add("subscribed");
            if (first != 0) {
                given.request(first);
            }
        }

        @Override
        public void onNext(GeneratedToken token) {
            signals.add(token);
        }

        @Override
        public void onError(Throwable error) {
            signals.add(error);
        }

        @Override
        public void onComplete() {
            signals.add("complete");
        }

        Object next() throws InterruptedException {
            return signals.poll(20, TimeUnit.SECONDS);
        }
    }

    @Test
    void tokensComeByCallbackIteratorPublisherAndResultAlike() throws Exception {
        List<Integer> called = Collections.synchronizedList(new ArrayList<>());
        try (EngineCore engine = Engines.start(TINY, SINGLE, LIMITS)) {
            Completion completion =
                    engine.submit(request(20).withPromptLogits().onToken(token -> called.add(token.id())));
            Taker taker = new Taker(Long.MAX_VALUE);
            completion.publisher().subscribe(taker);
            List<Integer> iterated = new ArrayList<>();
            for (GeneratedToken token : completion.tokens()) {
                assertThat(token.index()).isEqualTo(iterated.size());
                iterated.add(token.id());
            }
            GenerationResult result = completion.result();
            assertThat(result.tokenIds()).hasSize(20).isEqualTo(iterated).isEqualTo(called);
            assertThat(result.promptIds()).containsExactly(1, 2, 3);
            assertThat(result.finish()).isEqualTo(Finish.LENGTH);
            assertThat(result.promptLogits()).hasSize(TINY.config().vocab());
            assertThat(result.text()).isEmpty();
            assertThat(result.times().queuedMs()).isBetween(0.0, result.times().ttftMs());
            assertThat(result.times().totalMs()).isGreaterThan(result.times().ttftMs());
            assertThat(completion.isDone()).isTrue();
            assertThat(completion.toFuture().get()).isEqualTo(result);
            assertThat(taker.next()).isEqualTo("subscribed");
            for (int id : iterated) {
                assertThat(((GeneratedToken) taker.next()).id()).isEqualTo(id);
            }
            assertThat(taker.next()).isEqualTo("complete");
            // Whoever comes late gets all of it, too.
            Taker late = new Taker(3);
            completion.publisher().subscribe(late);
            assertThat(late.next()).isEqualTo("subscribed");
            for (int i = 0; i < 3; i++) {
                assertThat(((GeneratedToken) late.next()).index()).isEqualTo(i);
            }
        }
    }

    @Test
    void aSubscriberGetsNoMoreThanItAsksForAndHoldsUpNobody() throws Exception {
        try (EngineCore engine = Engines.start(TINY, SINGLE, LIMITS)) {
            Completion completion = engine.submit(request(6));
            Taker taker = new Taker(0);
            completion.publisher().subscribe(taker);
            assertThat(completion.result().tokenIds()).hasSize(6);
            assertThat(taker.next()).isEqualTo("subscribed");
            taker.subscription.get().request(2);
            assertThat(List.of(((GeneratedToken) taker.next()).index(), ((GeneratedToken) taker.next()).index()))
                    .containsExactly(0, 1);
            assertThat(taker.signals.poll(50, TimeUnit.MILLISECONDS)).isNull();
            taker.subscription.get().request(0);
            assertThat(taker.next()).isInstanceOf(IllegalArgumentException.class);

            Taker leaves = new Taker(1);
            completion.publisher().subscribe(leaves);
            leaves.next();
            leaves.next();
            leaves.subscription.get().cancel();
            leaves.subscription.get().request(5);
            assertThat(leaves.signals.poll(50, TimeUnit.MILLISECONDS)).isNull();
        }
    }

    @ParameterizedTest
    @FieldSource("SETUPS")
    void aRequestThatIsCancelledEndsByTheNextStepAndFreesItsCache(Setup setup) throws Exception {
        List<Integer> expected = alone(setup, request(60));
        try (EngineCore engine = Engines.start(TINY, setup, LIMITS)) {
            Completion other = engine.submit(request(60));
            Completion cancelled = engine.submit(request(MANY));
            for (GeneratedToken token : cancelled.tokens()) {
                if (token.index() == 4) {
                    cancelled.cancel();
                    break;
                }
            }
            GenerationResult result = cancelled.result();
            assertThat(result.finish()).isEqualTo(Finish.CANCELLED);
            assertThat(result.tokenIds()).hasSizeBetween(5, MANY - 1);
            assertThat(result.tokenIds().subList(0, 5)).isEqualTo(expected.subList(0, 5));
            cancelled.cancel();
            assertThat(other.result().tokenIds()).isEqualTo(expected);
            Engines.assertComesToRest(engine);
        }
    }

    @ParameterizedTest
    @FieldSource("SETUPS")
    void aCancelOrAnInterruptEndsARequestWithinOneStep(Setup setup) throws Exception {
        for (boolean interrupt : new boolean[] {false, true}) {
            AtomicInteger seen = new AtomicInteger();
            AtomicReference<Completion> cancelled = new AtomicReference<>();
            AtomicReference<Thread> waits = new AtomicReference<>();
            // On the thread between the steps, which is held until there is something to cancel.
            ExecutionOptions options = options(Duration.ofSeconds(30), sequence -> {
                while (waits.get() == null) {
                    Thread.onSpinWait();
                }
                if (seen.incrementAndGet() == 5) {
                    if (interrupt) {
                        waits.get().interrupt();
                        // The thread's last act, after it has cancelled.
                        while (waits.get().isAlive()) {
                            Thread.onSpinWait();
                        }
                    } else {
                        cancelled.get().cancel();
                    }
                }
            });
            try (EngineCore engine = Engines.start(TINY, setup, LIMITS, options, BlockPool::new)) {
                cancelled.set(engine.submit(request(MANY)));
                waits.set(Thread.startVirtualThread(() -> {
                    try {
                        cancelled.get().result();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                }));
                GenerationResult result = cancelled.get().result();
                assertThat(result.finish()).isEqualTo(Finish.CANCELLED);
                assertThat(result.tokenIds()).as("%s, %s", setup, interrupt).hasSizeBetween(4, 6);
                Engines.assertComesToRest(engine);
            }
        }
    }

    @Test
    void anInterruptOfWhoeverWaitsCancelsTheRequest() throws Exception {
        try (EngineCore engine = Engines.start(TINY, SINGLE, LIMITS)) {
            for (boolean virtual : new boolean[] {false, true}) {
                Completion result = engine.submit(request(MANY));
                Completion iterated = engine.submit(request(MANY));
                AtomicReference<Throwable> first = new AtomicReference<>();
                AtomicReference<Throwable> second = new AtomicReference<>();
                Thread.Builder builder = virtual ? Thread.ofVirtual() : Thread.ofPlatform();
                Thread waits = builder.start(() -> {
                    try {
                        result.result();
                    } catch (InterruptedException e) {
                        first.set(e);
                    }
                });
                Thread iterates = builder.start(() -> {
                    try {
                        iterated.tokens().forEach(token -> {});
                    } catch (CancellationException e) {
                        second.set(Thread.currentThread().isInterrupted() ? e : null);
                    }
                });
                Thread.sleep(20);
                waits.interrupt();
                iterates.interrupt();
                waits.join();
                iterates.join();
                assertThat(first.get()).isInstanceOf(InterruptedException.class);
                assertThat(second.get()).isInstanceOf(CancellationException.class);
                assertThat(result.result().finish()).isEqualTo(Finish.CANCELLED);
                assertThat(iterated.result().finish()).isEqualTo(Finish.CANCELLED);
                assertThat(result.result().tokenIds().size()).isLessThan(MANY);
            }
            Engines.assertComesToRest(engine);
        }
    }

    @Test
    void aTimeoutEndsARequestThatRunsAndOneThatWaits() throws Exception {
        try (EngineCore engine = Engines.start(TINY, SINGLE, EngineLimits.of(1, 500))) {
            Completion runs = engine.submit(request(MANY).withTimeout(Duration.ofMillis(60)));
            Completion waits = engine.submit(request(MANY).withTimeout(Duration.ofMillis(1)));
            assertThat(waits.result().finish()).isEqualTo(Finish.TIMEOUT);
            assertThat(waits.result().tokenIds()).isEmpty();
            assertThat(waits.result().times().queuedMs()).isNaN();
            assertThat(runs.result().finish()).isEqualTo(Finish.TIMEOUT);
            assertThat(runs.result().tokenIds().size()).isLessThan(MANY);
            assertThat(engine.submit(request(3).withTimeout(Duration.ofSeconds(Long.MAX_VALUE))).result().tokenIds())
                    .hasSize(3);
            Engines.assertComesToRest(engine);
        }
    }

    @ParameterizedTest
    @FieldSource("SETUPS")
    void aCallbackThatFailsEndsItsOwnRequest(Setup setup) throws Exception {
        List<Integer> expected = alone(setup, request(40));
        try (EngineCore engine = Engines.start(TINY, setup, LIMITS)) {
            Completion other = engine.submit(request(40));
            Completion failing = engine.submit(request(MANY).onToken(token -> {
                if (token.index() == 2) {
                    throw new IllegalStateException("planted");
                }
            }));
            assertThatThrownBy(failing::result)
                    .isInstanceOf(RequestFailedException.class)
                    .hasMessage("the callback of request 1 failed: java.lang.IllegalStateException: planted")
                    .hasRootCauseMessage("planted");
            assertThatThrownBy(() -> failing.tokens().forEach(token -> {})).isInstanceOf(RequestFailedException.class);
            assertThat(other.result().tokenIds()).isEqualTo(expected);
            Engines.assertComesToRest(engine);
        }
    }

    @Test
    void aSlowCallbackHoldsUpNobodyAndSeesAllTokensBeforeTheResult() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        List<Integer> seen = Collections.synchronizedList(new ArrayList<>());
        try (EngineCore engine = Engines.start(TINY, SINGLE, LIMITS)) {
            Completion slow = engine.submit(request(8).onToken(token -> {
                try {
                    go.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                seen.add(token.id());
            }));
            assertThat(engine.submit(request(30)).result().tokenIds()).hasSize(30);
            assertThat(slow.isDone()).isFalse();
            go.countDown();
            assertThat(slow.result().tokenIds()).isEqualTo(seen).hasSize(8);
        }
    }

    /** The tokens are there, and the callback is at its first one. */
    @ParameterizedTest
    @EnumSource(names = {"CANCELLED", "TIMEOUT"})
    void aRequestThatWaitsForItsCallbackOnlyCanBeCancelledAndItsTimeCanBeUp(Finish finish) throws Exception {
        AtomicInteger called = new AtomicInteger();
        AtomicReference<Thread> calls = new AtomicReference<>();
        CountDownLatch begun = new CountDownLatch(1);
        GenerationRequest request = request(3).onToken(token -> {
            called.incrementAndGet();
            calls.set(Thread.currentThread());
            begun.countDown();
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        try (EngineCore engine = Engines.start(TINY, SINGLE, LIMITS)) {
            Completion waits = engine.submit(
                    finish == Finish.TIMEOUT ? request.withTimeout(Duration.ofSeconds(2)) : request);
            assertThat(waits.tokens()).hasSize(3);
            assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
            // Its end is what follows its last token.
            Engines.assertComesToRest(engine);
            assertThat(waits.isDone()).isFalse();
            if (finish == Finish.CANCELLED) {
                waits.cancel();
            }
            GenerationResult result = waits.toFuture().get(20, TimeUnit.SECONDS);
            assertThat(result.finish()).isEqualTo(finish);
            assertThat(result.tokenIds()).hasSize(3);
            assertThat(calls.get().join(Duration.ofSeconds(20))).isTrue();
            assertThat(called).hasValue(1);
        }
    }

    @Test
    void whatFollowsAResultMayWaitAndAskAgain() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        try (EngineCore engine = Engines.start(TINY, SINGLE, LIMITS)) {
            Completion first = engine.submit(request(8));
            CompletableFuture<GenerationResult> second = first.toFuture().thenApply(result -> {
                try {
                    go.await();
                    return engine.submit(request(9)).result();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            assertThat(first.result().tokenIds()).hasSize(8);
            assertThat(engine.submit(request(30)).toFuture().get(20, TimeUnit.SECONDS).tokenIds()).hasSize(30);
            go.countDown();
            assertThat(second.get(20, TimeUnit.SECONDS).tokenIds()).hasSize(9);
        } finally {
            go.countDown();
        }
    }

    @Test
    void whatFollowsAResultMayCloseTheEngine() throws Exception {
        EngineCore engine = Engines.start(TINY, SINGLE, LIMITS);
        try (engine) {
            Completion other = engine.submit(request(MANY));
            engine.submit(request(3)).toFuture().thenRun(engine::close).get(20, TimeUnit.SECONDS);
            assertThat(engine.isAtRest()).isTrue();
            assertThatThrownBy(other::result).hasMessage("the engine is closed");
        }
    }

    /** A model whose embedding of one token is not a number. */
    private static ModelWeights poisoned(int token) {
        ModelWeights weights = RandomWeights.create(Presets.config("tiny"), 6);
        ((FloatArray) weights.embedding().data()).set(
                weights.embedding().offset() + token * weights.embedding().rowStride(), Float.NaN);
        return weights;
    }

    @ParameterizedTest
    @FieldSource("SETUPS")
    void aRowThatIsNotANumberEndsItsOwnRequest(Setup setup) throws Exception {
        ModelWeights weights = poisoned(7);
        GenerationRequest good = GenerationRequest.ids(1, 2, 3).withMaxTokens(5).ignoringEos();
        List<Integer> expected;
        try (EngineCore engine = Engines.start(weights, setup, LIMITS)) {
            expected = engine.submit(good).result().tokenIds();
        }
        assertThat(expected).as("the test's own luck").doesNotContain(7);
        for (Sampler sampler : List.of(Sampler.greedy(), new Sampler(0.5, 0, 1, 0, 1, 3))) {
            try (EngineCore engine = Engines.start(weights, setup, LIMITS)) {
                Completion before = engine.submit(good);
                Completion bad = engine.submit(
                        GenerationRequest.ids(4, 7, 5).withMaxTokens(9).withSampler(sampler));
                Completion after = engine.submit(good);
                assertThatThrownBy(bad::result)
                        .isInstanceOf(RequestFailedException.class)
                        .hasMessageMatching("request 1 failed on rank \\d: .*is not a finite number");
                assertThat(before.result().tokenIds()).isEqualTo(expected);
                assertThat(after.result().tokenIds()).isEqualTo(expected);
                Engines.assertComesToRest(engine);
            }
        }
    }

    @ParameterizedTest
    @FieldSource("SETUPS")
    void aRankThatFailsEndsTheEngineAndIsNamed(Setup setup) throws Exception {
        AtomicBoolean planted = new AtomicBoolean();
        ExecutionOptions options = options(Duration.ofMinutes(5), number -> {
            if (planted.get()) {
                throw new IllegalStateException("planted");
            }
        });
        try (EngineCore engine = Engines.start(TINY, setup, LIMITS, options, BlockPool::new)) {
            List<Completion> all = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                all.add(engine.submit(request(MANY)));
            }
            all.getFirst().tokens().iterator().next();
            planted.set(true);
            for (Completion completion : all) {
                assertThatThrownBy(completion::result)
                        .isInstanceOf(RunFailedException.class)
                        .hasMessageMatching("rank \\d \\(\\w+\\): IllegalStateException: planted");
            }
            assertThatThrownBy(() -> engine.submit(request(1)))
                    .isInstanceOf(RunFailedException.class)
                    .hasMessageContaining("planted");
            assertThatThrownBy(() -> engine.submitWaiting(request(1))).isInstanceOf(RunFailedException.class);
        }
    }

    @Test
    void aRankThatIsStuckEndsTheEngineAndIsNamedAndIdlingIsNotBeingStuck() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        AtomicBoolean planted = new AtomicBoolean();
        ExecutionOptions options = options(Duration.ofMillis(700), number -> {
            if (planted.get()) {
                try {
                    never.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        });
        try (EngineCore engine = Engines.start(
                TINY, Layout.separated(1, 1).withMicroBatches(1), LIMITS, options, BlockPool::new)) {
            engine.submit(request(2)).result();
            Thread.sleep(1500);
            engine.submit(request(2)).result();
            planted.set(true);
            assertThatThrownBy(engine.submit(request(2))::result)
                    .isInstanceOf(RunFailedException.class)
                    .hasMessage("no rank finished anything for 0.7 s: rank 0 is sampling");
        } finally {
            never.countDown();
        }
    }

    @Test
    void aClosedEngineEndsWhatRunsAndWaitsAndRefusesMore() throws Exception {
        EngineCore engine = Engines.start(TINY, SINGLE, EngineLimits.of(1, 500).withQueue(2));
        Completion runs = engine.submit(request(MANY));
        runs.tokens().iterator().next();
        Completion waits = engine.submit(request(MANY).onToken(token -> {}));
        engine.submit(request(MANY));
        AtomicReference<Throwable> blocked = new AtomicReference<>();
        Thread submits = Thread.startVirtualThread(() -> {
            try {
                engine.submitWaiting(request(1));
            } catch (InterruptedException | RuntimeException e) {
                blocked.set(e);
            }
        });
        Thread.sleep(20);
        engine.close();
        engine.close();
        submits.join();
        assertThat(blocked.get()).isInstanceOf(RunFailedException.class).hasMessage("the engine is closed");
        for (Completion completion : List.of(runs, waits)) {
            assertThatThrownBy(completion::result)
                    .isInstanceOf(RunFailedException.class)
                    .hasMessage("the engine is closed");
        }
        assertThatThrownBy(() -> engine.submit(request(1))).hasMessage("the engine is closed");
    }

    @Test
    void aClosedEngineTellsAllWhoWaitForItsQueue() throws Exception {
        List<Throwable> told = Collections.synchronizedList(new ArrayList<>());
        List<Thread> waiting = new ArrayList<>();
        try (EngineCore engine = Engines.start(TINY, SINGLE, EngineLimits.of(1, 500).withQueue(1))) {
            engine.submit(request(MANY)).tokens().iterator().next();
            engine.submit(request(1));
            for (int i = 0; i < 5; i++) {
                waiting.add(Thread.ofPlatform().start(
                        () -> told.add(catchThrowable(() -> engine.submitWaiting(request(1))))));
            }
            for (Thread thread : waiting) {
                while (thread.getState() != Thread.State.WAITING) {
                    Thread.sleep(1);
                }
            }
        }
        for (Thread thread : waiting) {
            assertThat(thread.join(Duration.ofSeconds(20))).isTrue();
        }
        assertThat(told).hasSize(5).allSatisfy(e -> assertThat(e).hasMessage("the engine is closed"));
    }

    @Test
    void aFullQueueRefusesOrMakesWait() throws Exception {
        try (EngineCore engine = Engines.start(TINY, SINGLE, EngineLimits.of(1, 500).withQueue(1))) {
            Completion runs = engine.submit(request(MANY));
            runs.tokens().iterator().next();
            Completion waits = engine.submit(request(3));
            assertThatThrownBy(() -> engine.submit(request(3)))
                    .isInstanceOf(RejectedExecutionException.class)
                    .hasMessage("1 request wait already, as many as the engine's 'queue' holds: try again later");
            Thread.startVirtualThread(() -> {
                try {
                    Thread.sleep(30);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                runs.cancel();
            });
            assertThat(engine.submitWaiting(request(4)).result().tokenIds()).hasSize(4);
            assertThat(waits.result().tokenIds()).hasSize(3);
        }
    }

    @Test
    void anEngineThatCannotStartLeavesNothing() {
        long before = ArrayMemory.bytes();
        assertThatThrownBy(() -> Engines.start(TINY, SINGLE, LIMITS, positions -> {
            throw new IllegalStateException("planted");
        })).hasMessage("planted");
        // Less, where what another test left was garbage.
        assertThat(ArrayMemory.bytes()).isLessThanOrEqualTo(before);
    }

    @Test
    void whatCanNeverRunIsRefusedInOneLine() {
        ModelConfig tiny = TINY.config();
        try (EngineCore engine = Engines.start(TINY, SINGLE, EngineLimits.of(2, 100))) {
            assertRefused(engine, GenerationRequest.ids(), "the prompt is empty");
            assertRefused(engine, GenerationRequest.ids(3, 999), "the prompt's token 999 is outside the vocabulary");
            assertRefused(engine, GenerationRequest.ids(3).withMaxTokens(tiny.maxPositions()), "the model's context");
            assertRefused(engine, GenerationRequest.ids(3).withMaxTokens(129), "does not fit the KV cache");
            assertRefused(engine, GenerationRequest.text("a"), "tiny has no tokenizer.json");
            assertRefused(engine, GenerationRequest.ids(3).withStops("a"), "tiny has no tokenizer.json");
        }
        assertThatThrownBy(() -> GenerationRequest.ids(3).withMaxTokens(0)).hasMessageContaining("'max_tokens'");
        assertThatThrownBy(() -> EngineLimits.of(0, 1)).hasMessage("'sequences' must be at least 1, is 0");
        assertThatThrownBy(() -> LIMITS.withQueue(Integer.MAX_VALUE))
                .isInstanceOf(ModelException.class)
                .hasMessage("'queue' must be at most 1000000, is 2147483647");
        assertThatThrownBy(() -> LIMITS.withStepTokens(Integer.MAX_VALUE))
                .isInstanceOf(ModelException.class)
                .hasMessage("'step_tokens' must be at most 1000000, is 2147483647");
        assertThatThrownBy(() -> Engines.start(TINY, SINGLE, LIMITS,
                Engines.options().withChanges(Changes.at(new Changes.Ordered(
                        1, io.maseparation.parallel.change.LayoutChange.Kind.RATIO, state -> null))),
                BlockPool::new))
                .hasMessage("only the layout of strategy ma changes in a run, the strategy is single");
    }

    private static void assertRefused(EngineCore engine, GenerationRequest request, String message) {
        assertThatThrownBy(() -> engine.submit(request))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(message)
                .hasMessageNotContaining("\n");
    }

    @Test
    void rotaryScalingByRequestHasATableOrIsRefused() throws Exception {
        int original = 16;
        ModelConfig tiny = TINY.config();
        int pairs = tiny.headDim() / 2;
        List<Rope.Scaling> scalings = List.of(
                new Rope.Dynamic(4, original),
                new Rope.LongRope(original, Collections.nCopies(pairs, 1.5), Collections.nCopies(pairs, 7.0), 1.1));
        for (Rope.Scaling scaling : scalings) {
            ModelConfig scaled = new ModelConfig(
                    "scaled", tiny.family(), tiny.hidden(), tiny.vocabulary(),
                    ModelConfig.Attention.of(
                            tiny.attention().heads(), tiny.maxPositions(), new Rope(100, 1, scaling),
                            tiny.qkNorm()),
                    tiny.feedForward(), tiny.numerics(), tiny.layers());
            ModelWeights weights = RandomWeights.create(scaled, 3);
            GenerationRequest shorter = request(13);
            GenerationRequest longer = request(14);
            try (EngineCore engine = Engines.start(weights, SINGLE, LIMITS)) {
                Completion first = engine.submit(shorter);
                if (scaling instanceof Rope.Dynamic) {
                    assertRefused(engine, longer, "17 tokens are more than the 16 up to which");
                } else {
                    List<Integer> tokens = engine.submit(longer).result().tokenIds();
                    assertThat(tokens.subList(0, 13)).isNotEqualTo(first.result().tokenIds());
                }
                assertThat(first.result().tokenIds()).hasSize(13);
            }
        }
    }

    @Test
    void requestsOfOtherRotaryAnglesShareNothing() throws Exception {
        ModelConfig tiny = TINY.config();
        int pairs = tiny.headDim() / 2;
        Rope.Scaling scaling = new Rope.LongRope(
                100, Collections.nCopies(pairs, 1.5), Collections.nCopies(pairs, 7.0), 1.1);
        ModelWeights weights = RandomWeights.create(new ModelConfig(
                "scaled", tiny.family(), tiny.hidden(), tiny.vocabulary(),
                ModelConfig.Attention.of(
                        tiny.attention().heads(), tiny.maxPositions(), new Rope(100, 1, scaling), tiny.qkNorm()),
                tiny.feedForward(), tiny.numerics(), tiny.layers()), 3);
        GenerationRequest prompt = GenerationRequest.ids(
                new SplittableRandom(1).ints(70, 0, tiny.vocab()).toArray()).ignoringEos();
        GenerationRequest shorter = prompt.withMaxTokens(30);
        GenerationRequest longer = prompt.withMaxTokens(31);
        List<Integer> expected = new ArrayList<>();
        try (EngineCore engine = Engines.start(weights, SINGLE, LIMITS)) {
            expected.addAll(engine.submit(longer).result().tokenIds());
        }
        try (EngineCore engine = Engines.start(weights, SINGLE, LIMITS)) {
            Completion first = engine.submit(shorter);
            first.tokens().iterator().next();
            Completion second = engine.submit(longer);
            assertThat(second.result().tokenIds()).isEqualTo(expected);
            assertThat(first.result().tokenIds()).isNotEqualTo(expected.subList(0, 30));
        }
    }

    /** Clients that ask, cancel, fail and wait; every token must be right, and nothing be left. */
    private static void clients(Setup setup, int requests) throws Exception {
        List<GenerationRequest> kinds = new ArrayList<>();
        List<List<Integer>> expected = new ArrayList<>();
        SplittableRandom random = new SplittableRandom(5);
        try (EngineCore engine = Engines.start(TINY, setup, new EngineLimits(1, 200, 64, 1))) {
            for (int i = 0; i < 12; i++) {
                int[] prompt = random.ints(1 + random.nextInt(30), 0, TINY.config().vocab()).toArray();
                kinds.add(GenerationRequest.ids(prompt).withMaxTokens(1 + random.nextInt(30)).ignoringEos());
                expected.add(engine.submit(kinds.getLast()).result().tokenIds());
            }
        }
        List<Throwable> wrong = Collections.synchronizedList(new ArrayList<>());
        try (EngineCore engine = Engines.start(TINY, setup, new EngineLimits(6, 160, 16, 2))) {
            List<Thread> threads = new ArrayList<>();
            for (int client = 0; client < 4; client++) {
                SplittableRandom own = random.split();
                Thread.Builder builder = client % 2 == 0 ? Thread.ofPlatform() : Thread.ofVirtual();
                threads.add(builder.start(() -> {
                    for (int i = 0; i < requests; i++) {
                        try {
                            int kind = own.nextInt(kinds.size());
                            ask(engine, kinds.get(kind), expected.get(kind), own);
                        } catch (Throwable e) {
                            wrong.add(e);
                        }
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(wrong).as("%s", setup).isEmpty();
            Engines.assertComesToRest(engine);
        }
    }

    private static void ask(EngineCore engine, GenerationRequest request, List<Integer> expected, SplittableRandom own)
            throws InterruptedException {
        switch (own.nextInt(5)) {
            case 0 -> {
                Completion completion = engine.submitWaiting(request);
                int taken = own.nextInt(1 + expected.size());
                List<Integer> tokens = new ArrayList<>();
                for (GeneratedToken token : completion.tokens()) {
                    tokens.add(token.id());
                    if (tokens.size() >= taken) {
                        break;
                    }
                }
                completion.cancel();
                assertThat(completion.result().tokenIds().subList(0, tokens.size())).isEqualTo(tokens);
                assertThat(completion.result().tokenIds())
                        .isEqualTo(expected.subList(0, completion.result().tokenIds().size()));
            }
            case 1 -> {
                int at = own.nextInt(expected.size());
                Completion completion = engine.submitWaiting(request.onToken(token -> {
                    if (token.index() == at) {
                        throw new IllegalStateException("planted");
                    }
                }));
                assertThatThrownBy(completion::result).isInstanceOf(RequestFailedException.class);
            }
            case 2 -> {
                List<Integer> ids = engine.submitWaiting(request.withTimeout(Duration.ofMillis(1 + own.nextInt(20))))
                        .result().tokenIds();
                assertThat(ids).isEqualTo(expected.subList(0, ids.size()));
            }
            default -> assertThat(engine.submitWaiting(request).result().tokenIds()).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @FieldSource("SETUPS")
    void clientsThatAskCancelAndFailGetWhatTheyAskedFor(Setup setup) throws Exception {
        clients(setup, 10);
    }

    @Test
    @Tag("long")
    @Timeout(120)
    void fourTimesFiftyRequestsOfEachStrategyTogetherGetWhatTheyAskedFor() throws Exception {
        List<Throwable> wrong = Collections.synchronizedList(new ArrayList<>());
        List<Thread> strategies = new ArrayList<>();
        for (Setup setup : List.of(
                SINGLE, Layout.tensorPipeline(2, 2).withMicroBatches(2), Layout.expertParallel(2).withMicroBatches(1),
                Layout.separated(3, 1).withMicroBatches(2))) {
            strategies.add(Thread.ofPlatform().start(() -> {
                try {
                    clients(setup, 50);
                } catch (Throwable e) {
                    wrong.add(e);
                }
            }));
        }
        for (Thread strategy : strategies) {
            strategy.join();
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void namesOfThreadsSayWhatTheyAre(@TempDir Path temp) throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        try (EngineCore engine = Engines.start(TINY, SINGLE, LIMITS)) {
            assertThat(engine.limits()).isEqualTo(LIMITS);
            assertThat(threads()).isEqualTo("engine rank-0");
            engine.submit(request(1).onToken(token -> {
                called.countDown();
                try {
                    new CountDownLatch(1).await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }));
            called.await();
            assertThat(virtualThreads(temp)).isEqualTo("\"request-0\" virtual");
        }
    }
}
