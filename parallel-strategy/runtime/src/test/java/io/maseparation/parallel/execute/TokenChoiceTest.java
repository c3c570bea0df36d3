package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.Reference;
import io.maseparation.moe.Sampler;
import io.maseparation.moe.testing.SafetensorsWriter;
import io.maseparation.moe.testing.TestCheckpoint;
import io.maseparation.parallel.Generation;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RunResult;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How the next token is chosen and where a text ends, wherever the last layer's logits are: under every strategy. */
class TokenChoiceTest {
    private static final List<Setup> SETUPS = List.of(
            Layout.single().withMicroBatches(1),
            Layout.tensorPipeline(2, 2).withMicroBatches(2),
            Layout.expertParallel(2).withMicroBatches(1),
            Layout.separated(2, 1).withMicroBatches(2),
            Layout.separated(1, 2).withMicroBatches(1));
    private static final List<int[]> PROMPTS =
            List.of(new int[] {3, 17, 5}, new int[] {30, 2}, new int[] {9, 9, 21, 4}, new int[] {11});

    @TempDir
    Path temp;

    private static RunResult run(Generation generation, Setup setup) {
        return generation.layout(setup).prefillChunk(3)
                .execution(ExecutionOptions.defaults().withDevices(TestDevices.strict(4))).run();
    }

    private static List<List<Integer>> tokens(RunResult result) {
        return result.outputs().stream().map(RunResult.SequenceOutput::tokenIds).toList();
    }

    /** Greedy tokens with the penalty as transformers defines it, from float64 logits of the whole sequence. */
    private static List<Integer> penalised(ModelWeights weights, int[] prompt, int count, double penalty) {
        int[] all = prompt;
        for (int i = 0; i < count; i++) {
            double[] logits = new Reference(weights).forward(all)[all.length - 1];
            for (int seen : IntStream.of(all).boxed().collect(Collectors.toCollection(HashSet::new))) {
                logits[seen] = logits[seen] > 0 ? logits[seen] / penalty : logits[seen] * penalty;
            }
            int[] order = IntStream.range(0, logits.length).boxed()
                    .sorted((a, b) -> Double.compare(logits[b], logits[a])).mapToInt(t -> t).limit(2).toArray();
            assertThat(logits[order[0]] - logits[order[1]]).as("the test's own gap").isGreaterThan(1e-4);
            all = Arrays.copyOf(all, all.length + 1);
            all[all.length - 1] = order[0];
        }
        return IntStream.of(all).skip(prompt.length).boxed().toList();
    }

    @Test
    void repetitionIsPenalisedByPromptAndOutputOfTheSequenceItself() {
        int count = 10;
        double penalty = 1.7;
        ModelWeights weights = RandomWeights.create(Presets.config("tiny"), 4);
        List<List<Integer>> expected =
                PROMPTS.stream().map(prompt -> penalised(weights, prompt, count, penalty)).toList();
        try (Model model = Model.preset("tiny", 4)) {
            for (Setup setup : SETUPS) {
                Generation plain = Generation.of(model).prompts(PROMPTS).maxTokens(count).ignoringEos();
                assertThat(tokens(run(plain, setup))).as("%s", setup).isNotEqualTo(expected);
                plain.sampling(Sampler.greedy().withRepetitionPenalty(penalty));
                assertThat(tokens(run(plain, setup))).as("%s", setup).isEqualTo(expected);
            }
        }
    }

    /** A checkpoint whose tokens are the words w0. to w39., put together without anything between. */
    private Path wordy() {
        Path folder = TestCheckpoint.of("mixtral", "{\"eos_token_id\": null}", 8).write(temp);
        SafetensorsWriter.text(folder.resolve("tokenizer.json"), """
                {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
                 "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Fuse"},
                 "model": {"type": "WordLevel", "vocab": {%s}, "unk_token": "w0."}}"""
                .formatted(IntStream.range(0, 40).mapToObj(i -> "\"w%d.\": %d".formatted(i, i))
                        .collect(Collectors.joining(", "))));
        return folder;
    }

    private static String text(List<Integer> tokens) {
        return tokens.stream().map("w%d."::formatted).collect(Collectors.joining());
    }

    @Test
    void aStopStringAcrossTokensEndsEachSequenceAtTheTokenThatCompletesIt() {
        try (Model model = Model.checkpoint(wordy())) {
            List<List<Integer>> whole = tokens(run(
                    Generation.of(model).prompts(PROMPTS).maxTokens(12).ignoringEos(), SETUPS.getFirst()));
            // The end of one token and the beginning of the next, in another place of each sequence.
            List<String> stops = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                String before = "w%d.".formatted(whole.get(i).get(2 + 3 * i));
                String after = "w%d.".formatted(whole.get(i).get(3 + 3 * i));
                stops.add(before.substring(1) + after.substring(0, 1 + i));
            }
            List<List<Integer>> tokens = new ArrayList<>();
            List<String> texts = new ArrayList<>();
            for (List<Integer> all : whole) {
                int count = 1;
                while (count < all.size() && stops.stream().noneMatch(text(all.subList(0, count))::contains)) {
                    count++;
                }
                tokens.add(all.subList(0, count));
                String text = text(tokens.getLast());
                texts.add(text.substring(0,
                        stops.stream().mapToInt(text::indexOf).filter(at -> at >= 0).min().orElse(text.length())));
            }
            assertThat(tokens.stream().map(List::size).distinct()).as("the test's own variety").hasSizeGreaterThan(2);
            for (Setup setup : SETUPS) {
                Generation generation =
                        Generation.of(model).prompts(PROMPTS).maxTokens(12).ignoringEos().stop(stops);
                RunResult result = run(generation, setup);
                assertThat(tokens(result)).as("%s", setup).isEqualTo(tokens);
                assertThat(result.outputs().stream().map(o -> generation.text(o).orElseThrow())).as("%s", setup)
                        .containsExactlyElementsOf(texts);
            }
        }
    }
}
