package io.maseparation.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.ArrayMemory;
import io.maseparation.moe.testing.SafetensorsWriter;
import io.maseparation.moe.testing.TestCheckpoint;
import io.maseparation.parallel.engine.Completion;
import io.maseparation.parallel.engine.EngineLimits;
import io.maseparation.parallel.engine.Finish;
import io.maseparation.parallel.engine.GeneratedToken;
import io.maseparation.parallel.engine.GenerationRequest;
import io.maseparation.parallel.engine.GenerationResult;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.RunResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

@Timeout(60)
class EngineTest {
    private static final ExecutionOptions OPTIONS = ExecutionOptions.defaults();
    private static final EngineLimits LIMITS = EngineLimits.of(4, 200);
    private static final List<Setup> SETUPS = List.of(
            Layout.single().withMicroBatches(1),
            Layout.tensorPipeline(2, 1).withMicroBatches(1),
            Layout.expertParallel(2).withMicroBatches(1),
            Layout.separated(2, 1).withMicroBatches(2));

    @TempDir
    Path temp;

    /** A checkpoint whose tokens are the words w0. to w39., put together without anything between. */
    private Model wordy() {
        Path folder = TestCheckpoint.of("mixtral", "{\"eos_token_id\": null, \"max_position_embeddings\": 4096}", 8)
                .write(temp);
        SafetensorsWriter.text(folder.resolve("tokenizer.json"), """
                {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
                 "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Fuse"},
                 "model": {"type": "WordLevel", "vocab": {%s}, "unk_token": "w0."}}"""
                .formatted(IntStream.range(0, 40).mapToObj(i -> "\"w%d.\": %d".formatted(i, i))
                        .collect(Collectors.joining(", "))));
        return Model.checkpoint(folder);
    }

    private static String text(List<Integer> tokens) {
        return tokens.stream().map("w%d."::formatted).collect(Collectors.joining());
    }

    @ParameterizedTest
    @FieldSource("SETUPS")
    void textComesAsItIsCertainAndEndsBeforeAStopString(Setup setup) throws Exception {
        try (Model model = wordy(); Engine engine = Engine.start(model, setup, LIMITS, OPTIONS)) {
            GenerationRequest request = GenerationRequest.text("w3.").withMaxTokens(14);
            GenerationResult whole = engine.submit(request).result();
            assertThat(whole.promptIds()).containsExactly(3);
            assertThat(whole.text()).contains(text(whole.tokenIds()));
            // From the middle of one token to the middle of the next.
            String stop = "%d.w".formatted(whole.tokenIds().get(5));
            Completion completion = engine.submit(request.withStops("never", stop));
            StringBuilder streamed = new StringBuilder();
            for (GeneratedToken token : completion.tokens()) {
                streamed.append(token.text());
                assertThat(streamed.toString()).doesNotContain(stop);
            }
            GenerationResult stopped = completion.result();
            assertThat(stopped.finish()).isEqualTo(Finish.STOP);
            int at = text(whole.tokenIds()).indexOf(stop);
            assertThat(stopped.text()).contains(text(whole.tokenIds()).substring(0, at));
            assertThat(streamed.toString()).isEqualTo(stopped.text().orElseThrow());
            assertThat(stopped.tokenIds()).isEqualTo(whole.tokenIds().subList(0, stopped.tokenIds().size()));
        }
    }

    @Test
    void theTokenizerIsReadWhenTheEngineStarts() throws Exception {
        try (Model model = wordy(); Engine engine = Engine.start(model, Layout.single(), LIMITS, OPTIONS)) {
            try (Stream<Path> files = Files.walk(temp)) {
                for (Path file : files.filter(f -> f.endsWith("tokenizer.json")).toList()) {
                    Files.delete(file);
                }
            }
            assertThat(engine.submit(GenerationRequest.text("w3.").withMaxTokens(2)).result().text()).isPresent();
        }
    }

    @Test
    void aTokenizerThatIsNoneIsRefusedWhereTextIsNeededAndNowhereElse() throws Exception {
        try (Model model = wordy()) {
            try (Stream<Path> files = Files.walk(temp)) {
                for (Path file : files.filter(f -> f.endsWith("tokenizer.json")).toList()) {
                    Files.writeString(file, "{\"model\": 3}");
                }
            }
            try (Engine engine = Engine.start(model, Layout.single(), LIMITS, OPTIONS)) {
                GenerationRequest ids = GenerationRequest.ids(3).withMaxTokens(4);
                assertThat(engine.submit(ids).result().tokenIds()).hasSize(4);
                assertThat(engine.submit(ids).result().text()).isEmpty();
                for (GenerationRequest request : List.of(
                        GenerationRequest.text("w3."), ids.withStops("w"), GenerationRequest.text("w4."))) {
                    assertThatThrownBy(() -> engine.submit(request))
                            .isInstanceOf(ModelException.class)
                            .hasMessageContaining("tokenizer.json: ")
                            .hasMessageNotContaining("\n");
                }
            }
        }
    }

    @ParameterizedTest
    @FieldSource("SETUPS")
    void anEngineAndARunGiveTheSame(Setup setup) throws Exception {
        try (Model model = Model.preset("tiny", 3); Engine engine = Engine.start(model, setup, LIMITS, OPTIONS)) {
            RunResult.SequenceOutput expected = Generation.of(model).layout(setup)
                    .prompt(5, 6, 7).maxTokens(9).promptLogits().run().outputs().getFirst();
            GenerationResult actual =
                    engine.submit(GenerationRequest.ids(5, 6, 7).withMaxTokens(9).withPromptLogits()).result();
            assertThat(actual.tokenIds()).isEqualTo(expected.tokenIds());
            assertThat(actual.promptLogits()).isEqualTo(expected.promptLogits());
        }
    }

    @Test
    void twoEnginesOfOneModelAndOneOfAPlanFileRunSideBySide() throws Exception {
        try (Model model = Model.preset("tiny", 3);
                Engine single = Engine.start(model, Layout.single(), LIMITS, OPTIONS);
                Engine separated = Engine.start(model, Layout.separated(2, 1), LIMITS, OPTIONS);
                Engine planned = Engine.start(
                        model, PlanFile.of(Planning.plan(model.config(), Layout.expertParallel(2))), LIMITS,
                        OPTIONS)) {
            GenerationRequest request = GenerationRequest.ids(1, 2).withMaxTokens(30).ignoringEos();
            List<Completion> all = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                for (Engine engine : List.of(single, separated, planned)) {
                    all.add(engine.submit(request));
                }
            }
            List<Integer> tokens = all.getFirst().result().tokenIds();
            for (Completion completion : all) {
                assertThat(completion.result().tokenIds()).isEqualTo(tokens);
            }
            assertThat(planned.plan().layout()).isEqualTo(Layout.expertParallel(2));
            assertThat(planned.limits()).isEqualTo(LIMITS);
        }
    }

    @Test
    void aModelThatIsClosedEndsItsEngines() throws Exception {
        Model model = wordy();
        Engine engine = Engine.start(model, Layout.single(), EngineLimits.of(1, 4000), OPTIONS);
        try (engine) {
            Completion completion = engine.submit(GenerationRequest.ids(1).withMaxTokens(3999));
            completion.tokens().iterator().next();
            model.close();
            assertThatThrownBy(completion::result)
                    .isInstanceOf(RunFailedException.class)
                    .hasMessage("the model was closed");
            assertThatThrownBy(() -> engine.submit(GenerationRequest.ids(1)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("the model is closed");
        }
        assertThatThrownBy(() -> Engine.start(model, Layout.single(), LIMITS, OPTIONS))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the model is closed");
        // Its tokenizer is gone by now.
        assertThatThrownBy(() -> engine.submit(GenerationRequest.text("w3.")))
                .isInstanceOf(RunFailedException.class)
                .hasMessage("the engine is closed");
    }

    @Test
    void aRanksThreadThatClosesTheEngineDoesNotWaitForItself() throws Exception {
        long before = ArrayMemory.bytes();
        Model model = Model.preset("tiny", 3);
        AtomicReference<Engine> own = new AtomicReference<>();
        CompletableFuture<Long> took = new CompletableFuture<>();
        Engine engine = Engine.start(model, Layout.separated(1, 1), LIMITS, OPTIONS.withOnToken(sequence -> {
            if (own.get() != null && !took.isDone()) {
                long start = System.nanoTime();
                own.get().close();
                took.complete(System.nanoTime() - start);
            }
        }));
        own.set(engine);
        assertThatThrownBy(engine.submit(GenerationRequest.ids(1).withMaxTokens(100).ignoringEos())::result)
                .isInstanceOf(RunFailedException.class)
                .hasMessage("the engine is closed");
        assertThat(took.get()).as("ns").isLessThan(2_000_000_000L);
        model.close();
        for (int i = 0; i < 500 && ArrayMemory.bytes() > before; i++) {
            Thread.sleep(10);
        }
        // Nobody closes it again.
        assertThat(ArrayMemory.bytes()).isLessThanOrEqualTo(before);
    }

    @Test
    void limitsThatDoNotFitTheMemoryAreRefusedInOneLine() {
        try (Model model = Model.preset("tiny", 3)) {
            assertThatThrownBy(() -> Engine.start(
                    model, Layout.single(), EngineLimits.of(1, Integer.MAX_VALUE), OPTIONS))
                    .isInstanceOf(ModelException.class)
                    .hasMessageNotContaining("\n");
        }
    }

    @Test
    void aRunTellsItsTokensAsTheyComeAndKeepsThemWhenItIsCancelled() {
        try (Model model = wordy()) {
            for (Setup setup : SETUPS) {
                StringBuilder streamed = new StringBuilder();
                List<Integer> ended = new ArrayList<>();
                Generation generation = Generation.of(model).layout(setup)
                        .prompt(3).prompt(4, 5).maxTokens(60);
                generation.onToken(new Generation.Listener() {
                    @Override
                    public void token(int sequence, GeneratedToken token) {
                        if (sequence == 1) {
                            streamed.append(token.text());
                            if (token.index() == 9) {
                                generation.cancel();
                            }
                        }
                    }

                    @Override
                    public void ended(int sequence, String rest) {
                        ended.add(sequence);
                        streamed.append(sequence == 1 ? rest : "");
                    }
                });
                RunResult result = generation.run();
                List<Integer> tokens = result.outputs().get(1).tokenIds();
                assertThat(tokens).as("%s", setup).hasSizeBetween(10, 14);
                assertThat(streamed.toString()).isEqualTo(text(tokens));
                assertThat(ended).containsExactlyInAnyOrder(0, 1);
                // Once.
                assertThat(generation.onToken((sequence, token) -> {}).run().outputs().get(1).tokenIds()).hasSize(60);
                generation.cancel();
                assertThat(generation.run().outputs().getFirst().tokenIds()).isEmpty();
            }
        }
    }

    @Test
    void eachSequenceOfARunCanHaveALimitOfItsOwnAndItsTextEndsThere() {
        try (Model model = wordy()) {
            StringBuilder streamed = new StringBuilder();
            Generation generation = Generation.of(model).prompt(3).prompt(4, 5).prompt(6).limits(List.of(2, 7, 4));
            RunResult result = generation.onToken((sequence, token) -> streamed
                    .append(sequence == 2 ? token.text() : "")).run();
            assertThat(result.outputs()).extracting(o -> o.tokenIds().size()).containsExactly(2, 7, 4);
            assertThat(streamed.toString()).isEqualTo(text(result.outputs().get(2).tokenIds()));
            assertThatThrownBy(generation.limits(List.of(2, 7))::run)
                    .isInstanceOf(ModelException.class)
                    .hasMessage("there are 3 prompts and 2 numbers of 'max_tokens': give one for each, or one for all");
            assertThatThrownBy(generation.limits(List.of(2, 0, 3))::run)
                    .isInstanceOf(ModelException.class)
                    .hasMessage("'max_tokens' must be at least 1, is 0");
            assertThat(generation.maxTokens(3).run().outputs()).extracting(o -> o.tokenIds().size())
                    .containsExactly(3, 3, 3);
        }
    }

    @Test
    void anInterruptEndsARunByTheNextStep() throws Exception {
        try (Model model = Model.preset("tiny", 3)) {
            for (Setup setup : SETUPS) {
                List<Integer> seen = Collections.synchronizedList(new ArrayList<>());
                AtomicReference<Throwable> thrown = new AtomicReference<>();
                Thread runs = new Thread(() -> {
                    try {
                        Generation.of(model).layout(setup).prompt(1).maxTokens(500).ignoringEos()
                                .onToken((sequence, token) -> {
                                    seen.add(token.id());
                                    if (token.index() == 20) {
                                        Thread.currentThread().interrupt();
                                    }
                                }).run();
                    } catch (RunFailedException e) {
                        thrown.set(Thread.currentThread().isInterrupted() ? e : null);
                    }
                });
                runs.start();
                runs.join();
                assertThat(thrown.get()).as("%s", setup).isInstanceOf(RunFailedException.class)
                        .hasMessage("interrupted");
                assertThat(seen).hasSizeBetween(21, 23);
            }
        }
    }
}
