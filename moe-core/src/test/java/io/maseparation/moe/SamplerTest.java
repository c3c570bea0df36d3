package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.files.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

class SamplerTest {
    private static final float[] LOGITS = {(float) Math.log(0.1), (float) Math.log(0.5), (float) Math.log(0.15),
        (float) Math.log(0.25)};

    private static final int[] NONE = {};

    private static Sampler sampler(double temperature, double topP, long seed) {
        return new Sampler(temperature, 0, topP, 0, 1, seed);
    }

    private static double[] frequencies(Sampler sampler) {
        double[] counts = new double[LOGITS.length];
        int n = 20_000;
        for (int i = 0; i < n; i++) {
            counts[sampler.sample(LOGITS, 0, LOGITS.length, i % 7, NONE, i / 7)] += 1.0 / n;
        }
        return counts;
    }

    @Test
    void greedyTakesTheLowestOfEquals() {
        float[] logits = {9, 1, 3, 3, 2, 9};
        assertThat(Sampler.greedy().sample(logits, 1, 4, 0, NONE, 0)).isEqualTo(1);
        assertThat(Sampler.greedy().sample(FloatArray.fromArray(logits), 1, 4, 0, NONE, 0)).isEqualTo(1);
    }

    @Test
    void samplesByProbability() {
        assertThat(frequencies(sampler(1, 1, 3))).containsExactly(new double[] {0.1, 0.5, 0.15, 0.25},
                within(0.015));
    }

    @Test
    void temperatureSharpens() {
        double sum = 0.01 + 0.25 + 0.0225 + 0.0625;
        assertThat(frequencies(sampler(0.5, 1, 3)))
                .containsExactly(new double[] {0.01 / sum, 0.25 / sum, 0.0225 / sum, 0.0625 / sum}, within(0.015));
        assertThat(frequencies(sampler(1e-4, 1, 3))).containsExactly(new double[] {0, 1, 0, 0}, within(1e-9));
    }

    @Test
    void topPKeepsTheFewestThatReachIt() {
        assertThat(frequencies(sampler(1, 0.74, 3)))
                .containsExactly(new double[] {0, 2 / 3.0, 0, 1 / 3.0}, within(0.015));
        assertThat(frequencies(sampler(1, 1e-9, 3))).containsExactly(new double[] {0, 1, 0, 0}, within(1e-9));
    }

    @Test
    void dependsOnSeedSequenceAndStepOnly() {
        Sampler sampler = sampler(1, 0.99, 11);
        int[] forwards =
                IntStream.range(0, 300).map(i -> sampler.sample(LOGITS, 0, 4, i / 100, NONE, i % 100)).toArray();
        int[] backwards = IntStream.range(0, 300)
                .map(i -> 299 - i)
                .map(i -> sampler(1, 0.99, 11).sample(LOGITS, 0, 4, i / 100, NONE, i % 100))
                .toArray();
        for (int i = 0; i < 300; i++) {
            assertThat(backwards[299 - i]).isEqualTo(forwards[i]);
        }
        assertThat(IntStream.range(0, 100).filter(i -> forwards[i] == forwards[100 + i]).count()).isLessThan(70);
        assertThat(IntStream.range(0, 100)
                .filter(i -> forwards[i] == sampler(1, 0.99, 12).sample(LOGITS, 0, 4, 0, NONE, i))
                .count())
                .isLessThan(70);
    }

    @Test
    void complainsOfWhatCannotBeSampled() {
        assertComplains(() -> sampler(-1, 1, 0), "temperature");
        assertComplains(() -> sampler(Double.NaN, 1, 0), "temperature");
        assertComplains(() -> sampler(1, 0, 0), "top_p");
        assertComplains(() -> sampler(1, 1.1, 0), "top_p");
        for (float broken : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            for (Sampler sampler : List.of(Sampler.greedy(), sampler(1, 0.5, 0))) {
                assertComplains(() -> sampler.sample(new float[] {1, broken}, 0, 2, 3, NONE, 4),
                        "logit of token 1 of sequence 3, step 4, is not a finite number");
            }
        }
    }

    @Test
    void limitsAreThoseOfTransformersInItsOrder() {
        Sampler all = sampler(1, 1, 3);
        assertThat(frequencies(all.withLimits(2, 1, 0)))
                .containsExactly(new double[] {0, 2 / 3.0, 0, 1 / 3.0}, within(0.015));
        // Of the three that top-k leaves, with 0.9 together, 0.75 is 0.83: the two largest do not reach 0.9 of it.
        assertThat(frequencies(all.withLimits(3, 0.9, 0)))
                .containsExactly(new double[] {0, 0.5 / 0.9, 0.15 / 0.9, 0.25 / 0.9}, within(0.015));
        assertThat(frequencies(all.withLimits(2, 0.6, 0))).containsExactly(new double[] {0, 1, 0, 0}, within(1e-9));
        assertThat(frequencies(all.withLimits(0, 1, 0.29)))
                .containsExactly(new double[] {0, 0.5 / 0.9, 0.15 / 0.9, 0.25 / 0.9}, within(0.015));
        // Probabilities at half the temperature are squares: 0.25 / 4 is a quarter of the largest.
        assertThat(frequencies(sampler(0.5, 1, 3).withLimits(0, 1, 0.26)))
                .containsExactly(new double[] {0, 1, 0, 0}, within(1e-9));
    }

    @Test
    void topKKeepsEqualsOfTheLast() {
        float[] logits = {1, 3, 2, 2, 0};
        Sampler sampler = sampler(1, 1, 0).withLimits(2, 1, 0);
        assertThat(IntStream.range(0, 500).map(i -> sampler.sample(logits, 0, 5, 0, NONE, i)).distinct().sorted())
                .containsExactly(1, 2, 3);
    }

    @Test
    void aShareJustBelowAllChangesNothing() {
        float[] logits = new float[1000];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.sin(i * 1.7) * 4;
        }
        for (int step = 0; step < 300; step++) {
            assertThat(sampler(1, 0.9999999, 5).sample(logits, 0, 1000, 2, NONE, step))
                    .isEqualTo(sampler(1, 1, 5).sample(logits, 0, 1000, 2, NONE, step));
        }
    }

    /** transformers divides in fp32, where neighbouring logits become one; the first of them is chosen. */
    @Test
    void repetitionIsPenalisedInFp32() {
        int ties = 0;
        for (float logit = 1; ties < 10; logit = Math.nextUp(logit)) {
            float above = Math.nextUp(logit);
            if (logit / 1.3f == above / 1.3f) {
                assertThat(Sampler.greedy().withRepetitionPenalty(1.3)
                        .sample(new float[] {logit, above}, 0, 2, 0, new int[] {0, 1}, 0)).isZero();
                ties++;
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e-309, 1e-39, 1e-300, 1e300})
    void aPenaltyThatLeavesNoFiniteLogitIsRefused(double penalty) {
        for (double temperature : new double[] {0, 1}) {
            Sampler sampler = sampler(temperature, 1, 5).withRepetitionPenalty(penalty);
            assertThatThrownBy(() -> sampler.sample(new float[] {2, -1}, 0, 2, 0, new int[] {0, 1}, 3))
                    .isInstanceOf(ModelException.class)
                    .hasMessageContaining("'repetition_penalty' " + penalty);
        }
    }

    @Test
    void repetitionIsPenalisedOnceWhateverItsSign() {
        float[] logits = {2, 1.9f, -1, -1.05f};
        Sampler penalty = Sampler.greedy().withRepetitionPenalty(1.1);
        assertThat(penalty.sample(logits, 0, 4, 0, NONE, 0)).isZero();
        assertThat(penalty.sample(logits, 0, 4, 0, new int[] {0, 0}, 0)).isEqualTo(1);
        // Once: 2 / 1.04 is still above 1.9, and twice would be below it.
        assertThat(Sampler.greedy().withRepetitionPenalty(1.04).sample(logits, 0, 4, 0, new int[] {0, 0}, 0)).isZero();
        assertThat(penalty.sample(new float[] {-1, -1.05f}, 0, 2, 0, new int[] {0}, 0)).isEqualTo(1);
        assertThat(penalty.needsNoLogits()).isFalse();
        assertThat(Sampler.greedy().needsNoLogits()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{}                                                                | false | greedy",
        "{'temperature': 0.7, 'top_p': 0.8}                                | false | greedy",
        "{'temperature': 0.7, 'top_p': 0.8, 'top_k': 20, 'min_p': null}    | true  | temperature 0.7, top-k 20, top-p 0.8",
        "{'do_sample': true}                                               | false | temperature 1.0, top-k 50",
        "{'do_sample': true, 'top_k': 0, 'min_p': 0.05, 'temperature': 2}  | false | temperature 2.0, min-p 0.05",
        "{'do_sample': false, 'repetition_penalty': 1.05}                  | false | greedy, repetition penalty 1.05",
    })
    void generationConfigIsReadAsTransformersDoes(String json, boolean sample, String description) throws IOException {
        Files.writeString(temp.resolve("generation_config.json"), json.replace('\'', '"'));
        assertThat(Sampler.read(temp, sample).description()).isEqualTo(description);
    }

    /** What changes tokens in transformers and not here is said, and only then. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{'num_beams': 4, 'no_repeat_ngram_size': 2}   | false | no_repeat_ngram_size, num_beams;",
        "{'num_beams': 1, 'no_repeat_ngram_size': 0, 'typical_p': 1.0, 'bad_words_ids': null, 'min_length': 0} | true |",
        "{'typical_p': 0.5, 'epsilon_cutoff': 0.1}     | false |",
        "{'typical_p': 0.5, 'epsilon_cutoff': 0.1}     | true  | epsilon_cutoff, typical_p;",
        "{'do_sample': true, 'top_h': 0.5, 'suppress_tokens': [1]} | false | suppress_tokens, top_h;",
        "{'forced_bos_token_id': 0, 'guidance_scale': 1.5, 'stop_strings': ['a']} | false | forced_bos_token_id, guidance_scale, stop_strings;",
        "{'max_length': 20, 'bos_token_id': 1, 'cache_implementation': 'static', 'transformers_version': '5'} | true |",
        "{'do_sample': true, 'temperature': 0.6, 'top_k': 20, 'top_p': 0.95, 'pad_token_id': 3, 'eos_token_id': [1, 2], 'repetition_penalty': 1.05, 'max_new_tokens': 2048, '_from_model_config': true, 'trust_remote_code': true} | true |",
        "{'num_return_sequences': 3} | false | num_return_sequences;",
    })
    void fieldsOfAGenerationConfigThatNothingReadsAreNamed(String json, boolean sample, String named)
            throws IOException {
        Files.writeString(temp.resolve("generation_config.json"), json.replace('\'', '"'));
        List<String> lines = new ArrayList<>();
        Sampler.read(temp, sample, lines::add);
        if (named == null) {
            assertThat(lines).isEmpty();
        } else {
            assertThat(lines).singleElement().asString()
                    .contains("generation_config.json: ", "nothing here reads " + named);
        }
    }

    /** A name that is written wrong would be left out without a word. */
    @ParameterizedTest
    @CsvSource({"temprature, 0.5, temprature;", "topk, 3, topk;", "sampling, {}, sampling;"})
    void fieldsThatAreNotKnownAreNamed(String field, String value, String named) throws IOException {
        Files.writeString(temp.resolve("generation_config.json"), "{\"%s\": %s}".formatted(field, value));
        List<String> lines = new ArrayList<>();
        assertThat(Sampler.read(temp, false, lines::add)).isEqualTo(Sampler.greedy());
        assertThat(lines).singleElement().asString()
                .contains("generation_config.json: nothing reads " + named + " left out");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{'top_p': 0} | top_p is 0", "{'top_p': 1.5} | top_p is 1.5", "{'temperature': 'a'} | temperature is not a",
        "{'top_k': -1} | top_k is -1", "{'do_sample': 1} | do_sample is neither", "[] | not a JSON object",
        "{'repetition_penalty': -2} | repetition_penalty is -2", "{'min_p': NaN} | not valid JSON"})
    void complainsOfAGenerationConfigThatMakesNoSense(String json, String complaint) throws IOException {
        Files.writeString(temp.resolve("generation_config.json"), json.replace('\'', '"'));
        assertComplains(() -> Sampler.read(temp, false), "generation_config.json: " + complaint);
    }

    @TempDir
    Path temp;
}
