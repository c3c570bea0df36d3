package io.maseparation.moe;

import io.maseparation.files.Existing;
import io.maseparation.files.JsonFile;
import io.maseparation.files.ModelException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Chooses the next token from logits. What it chooses depends on the logits, the tokens before, the seed, the
 * sequence's number and the step only, so neither the layout nor the order of a batch changes a sequence. Each setting
 * is that of transformers, and they apply in its order: repetition penalty, temperature, top-k, top-p, min-p.
 *
 * @param temperature divisor of logits; 0 for greedy
 * @param topK number of most probable tokens that are sampled from, and those equal to the last of them; 0 for all
 * @param topP share of probability that is sampled from, the most probable tokens first; 1 for all
 * @param minP least probability of a token that is sampled from, as a share of the largest one; 0 for all
 * @param repetitionPenalty what the logit of a token that is in the sequence already is divided by where it is above 0,
 *     and multiplied with elsewhere; 1 for none. It holds for greedy, too
 * @param seed of all sequences
 */
public record Sampler(
        double temperature, int topK, double topP, double minP, double repetitionPenalty, long seed) {
    /** What transformers keeps where generation_config.json samples and does not say how many. */
    private static final int USUAL_TOP_K = 50;

    /** Fields that change tokens in transformers and are not read here, with values that change nothing. */
    private static final Map<String, Set<String>> UNREAD = new TreeMap<>(Map.ofEntries(
            Map.entry("num_beams", Set.of("1")), Map.entry("penalty_alpha", Set.of("0", "0.0")),
            Map.entry("no_repeat_ngram_size", Set.of("0")), Map.entry("encoder_no_repeat_ngram_size", Set.of("0")),
            Map.entry("encoder_repetition_penalty", Set.of("1", "1.0")),
            Map.entry("guidance_scale", Set.of("1", "1.0")),
            Map.entry("min_length", Set.of("0")), Map.entry("min_new_tokens", Set.of("0")),
            Map.entry("bad_words_ids", Set.of("[]")), Map.entry("sequence_bias", Set.of("[]", "{}")),
            Map.entry("suppress_tokens", Set.of("[]")), Map.entry("begin_suppress_tokens", Set.of("[]")),
            Map.entry("forced_bos_token_id", Set.of()), Map.entry("forced_eos_token_id", Set.of()),
            Map.entry("exponential_decay_length_penalty", Set.of()), Map.entry("watermarking_config", Set.of("{}")),
            Map.entry("dola_layers", Set.of()), Map.entry("constraints", Set.of("[]")),
            Map.entry("force_words_ids", Set.of("[]")), Map.entry("stop_strings", Set.of("[]", "\"\"")),
            Map.entry("token_healing", Set.of("false")), Map.entry("num_return_sequences", Set.of("1"))));

    /** Fields that are read, or of no consequence for which tokens come; and any that begins with a line. */
    private static final Set<String> KNOWN =
            Set.of(("do_sample temperature top_k top_p min_p repetition_penalty eos_token_id bos_token_id pad_token_id"
                    + " decoder_start_token_id max_length max_new_tokens max_time early_stopping use_cache"
                    + " cache_implementation cache_config max_cache_len length_penalty renormalize_logits"
                    + " remove_invalid_values diversity_penalty num_beam_groups low_memory output_attentions"
                    + " output_hidden_states output_scores output_logits return_dict_in_generate is_assistant"
                    + " num_assistant_tokens num_assistant_tokens_schedule assistant_confidence_threshold"
                    + " assistant_early_exit assistant_ensemble_weight assistant_lookbehind target_lookbehind"
                    + " prompt_lookup_num_tokens max_matching_ngram_size speculation_type use_mtp compile_config"
                    + " disable_compile prefill_chunk_size continuous_batching_config transformers_version"
                    + " generation_kwargs trust_remote_code chat_format max_window_size user_token_id"
                    + " assistant_token_id typical_p top_h epsilon_cutoff eta_cutoff").split(" ", -1));

    /** The same of those that only sampling looks at. */
    private static final Map<String, Set<String>> UNREAD_WHEN_SAMPLING = Map.of(
            "typical_p", Set.of("1", "1.0"), "top_h", Set.of(), "epsilon_cutoff", Set.of("0", "0.0"),
            "eta_cutoff", Set.of("0", "0.0"));

    /** Checks the ranges. */
    public Sampler {
        check("temperature", temperature, temperature >= 0 && Double.isFinite(temperature), "0 or more");
        check("top_k", topK, topK >= 0, "0 or more");
        check("top_p", topP, topP > 0 && topP <= 1, "above 0 and at most 1");
        check("min_p", minP, minP >= 0 && minP <= 1, "from 0 to 1");
        check("repetition_penalty", repetitionPenalty, repetitionPenalty > 0 && Double.isFinite(repetitionPenalty),
                "above 0");
    }

    private static void check(String name, Number value, boolean right, String range) {
        if (!right) {
            throw new ModelException("'%s' must be %s, is %s".formatted(name, range, value));
        }
    }

    /** {@return the most probable token, always} */
    public static Sampler greedy() {
        return new Sampler(0, 0, 1, 0, 1, 0);
    }

    /**
     * {@return what a checkpoint's generation_config.json says, as transformers understands it: greedy unless
     * {@code do_sample} is true, and the 50 most probable tokens where that is and {@code top_k} is absent}
     *
     * @param folder the checkpoint's folder
     * @param sample whether to sample whatever {@code do_sample} is
     * @throws ModelException naming file and field, if a value makes no sense
     */
    public static Sampler read(Path folder, boolean sample) {
        return read(folder, sample, Checkpoint::warn);
    }

    /**
     * As {@link #read(Path, boolean)}.
     *
     * @param warnings takes a line about what the file has for transformers and nothing here reads
     */
    static Sampler read(Path folder, boolean sample, Consumer<String> warnings) {
        Path file = folder.resolve("generation_config.json");
        if (!Existing.file(file)) {
            return sample ? new Sampler(1, 0, 1, 0, 1, 0) : greedy();
        }
        JsonFile json = JsonFile.open(file);
        boolean asked = json.flag("do_sample", false);
        double temperature = json.number("temperature", 1, 0, Float.MAX_VALUE);
        warn(json, (asked || sample) && temperature > 0, warnings);
        return new Sampler(
                asked || sample ? temperature : 0,
                json.integer("top_k", asked ? USUAL_TOP_K : 0, 0, Integer.MAX_VALUE),
                positive(json, "top_p", 1),
                json.number("min_p", 0, 0, 1),
                positive(json, "repetition_penalty", Float.MAX_VALUE),
                0);
    }

    private static void warn(JsonFile json, boolean sampling, Consumer<String> warnings) {
        Map<String, Set<String>> unread = new TreeMap<>(UNREAD);
        if (sampling) {
            unread.putAll(UNREAD_WHEN_SAMPLING);
        }
        unread.entrySet().removeIf(
                field -> !json.has(field.getKey()) || field.getValue().contains(json.json(field.getKey())));
        if (!unread.isEmpty()) {
            warnings.accept(json.message("", "nothing here reads %s; tokens are those without, unlike transformers'"
                    .formatted(String.join(", ", unread.keySet()))));
        }
        List<String> unknown = json.fields().stream()
                .filter(f -> !KNOWN.contains(f) && !UNREAD.containsKey(f) && !f.startsWith("_") && !json.isNull(f))
                .toList();
        if (!unknown.isEmpty()) {
            warnings.accept(json.message("", "nothing reads %s; left out, as in transformers"
                    .formatted(HfUnread.named(unknown))));
        }
    }

    private static double positive(JsonFile json, String field, double most) {
        double value = json.number(field, 1, 0, most);
        if (value == 0) {
            throw json.fail(field, "is 0, which is not above 0");
        }
        return value;
    }

    /**
     * {@return the same with another temperature}
     *
     * @param value divisor of logits; 0 for greedy
     */
    public Sampler withTemperature(double value) {
        return new Sampler(value, topK, topP, minP, repetitionPenalty, seed);
    }

    /**
     * {@return the same with other limits of what is sampled from}
     *
     * @param mostTokens number of most probable tokens; 0 for all
     * @param mostProbability share of probability; 1 for all
     * @param leastProbability share of the largest probability; 0 for all
     */
    public Sampler withLimits(int mostTokens, double mostProbability, double leastProbability) {
        return new Sampler(temperature, mostTokens, mostProbability, leastProbability, repetitionPenalty, seed);
    }

    /**
     * {@return the same with another penalty for repetition}
     *
     * @param penalty divisor of positive logits; 1 for none
     */
    public Sampler withRepetitionPenalty(double penalty) {
        return new Sampler(temperature, topK, topP, minP, penalty, seed);
    }

    /**
     * {@return the same with another seed}
     *
     * @param value of all sequences
     */
    public Sampler withSeed(long value) {
        return new Sampler(temperature, topK, topP, minP, repetitionPenalty, value);
    }

    /** {@return whether the index of the largest logit is all that it takes} */
    public boolean needsNoLogits() {
        return temperature == 0 && repetitionPenalty == 1;
    }

    /** {@return what it does, for people: the settings that are not at rest} */
    public String description() {
        List<String> parts = new ArrayList<>();
        parts.add(temperature == 0 ? "greedy" : "temperature " + temperature);
        if (temperature > 0 && topK > 0) {
            parts.add("top-k " + topK);
        }
        if (temperature > 0 && topP < 1) {
            parts.add("top-p " + topP);
        }
        if (temperature > 0 && minP > 0) {
            parts.add("min-p " + minP);
        }
        if (repetitionPenalty != 1) {
            parts.add("repetition penalty " + repetitionPenalty);
        }
        return String.join(", ", parts);
    }

    /**
     * {@return the next token}
     *
     * @param logits array with the logits of one row at {@code offset}
     * @param offset index of the first token's logit
     * @param vocab number of tokens
     * @param sequence number of the sequence among the run's prompts, whatever rank it is on
     * @param before tokens of the sequence so far, prompt and output; only the repetition penalty looks at them
     * @param step output tokens the sequence has already
     * @throws ModelException if a logit is a NaN or infinite: the weights or a kernel are broken
     */
    public int sample(FloatArray logits, int offset, int vocab, int sequence, int[] before, int step) {
        float[] row = new float[vocab];
        for (int i = 0; i < vocab; i++) {
            row[i] = logits.get(offset + i);
        }
        return sample(row, 0, vocab, sequence, before, step);
    }

    /**
     * {@return the next token, as {@link #sample(FloatArray, int, int, int, int[], int)}, from logits on the heap}
     *
     * @param logits logits of one or more rows
     * @param offset index of the first token's logit
     * @param vocab number of tokens
     * @param sequence number of the sequence among the run's prompts
     * @param before tokens of the sequence so far, prompt and output
     * @param step output tokens the sequence has already
     */
    public int sample(float[] logits, int offset, int vocab, int sequence, int[] before, int step) {
        double[] row = new double[vocab];
        for (int i = 0; i < vocab; i++) {
            row[i] = logits[offset + i];
            if (!Double.isFinite(row[i])) {
                throw new ModelException("logit of token %d of sequence %d, step %d, is not a finite number"
                        .formatted(i, sequence, step));
            }
        }
        if (repetitionPenalty != 1) {
            // In fp32, as transformers does: logits that it makes equal are equal here.
            float penalty = (float) repetitionPenalty;
            Arrays.stream(before).distinct().forEach(token -> {
                float logit = (float) row[token];
                row[token] = logit < 0 ? logit * penalty : logit / penalty;
                if (!Double.isFinite(row[token])) {
                    throw new ModelException(
                            "'repetition_penalty' %s makes the logit of token %d of sequence %d, step %d, no finite number"
                                    .formatted(repetitionPenalty, token, sequence, step));
                }
            });
        }
        int best = 0;
        for (int i = 1; i < vocab; i++) {
            best = row[i] > row[best] ? i : best;
        }
        if (temperature == 0) {
            return best;
        }
        double most = row[best];
        for (int i = 0; i < vocab; i++) {
            row[i] = Math.exp((row[i] - most) / temperature);
        }
        limit(row);
        return pick(row, CounterRandom.uniform(CounterRandom.key(seed, sequence), step));
    }

    /** Sets the weights of tokens that are not sampled from to 0; the largest weight is 1. */
    private void limit(double[] weights) {
        if ((topK > 0 && topK < weights.length) || topP < 1) {
            double[] sorted = weights.clone();
            Arrays.sort(sorted);
            int from = topK == 0 ? 0 : Math.max(0, sorted.length - topK);
            // Tokens equal to the last of the top k stay, too.
            while (from > 0 && sorted[from - 1] == sorted[from]) {
                from--;
            }
            double sum = Arrays.stream(sorted, from, sorted.length).sum();
            int last = topP == 1 ? from : sorted.length;
            double kept = 0;
            while (last > from && (last == sorted.length || kept < topP * sum)) {
                kept += sorted[--last];
            }
            // Of those equal to the last that is kept, the first by index.
            double least = sorted[last];
            int equals = 0;
            for (int i = last; i < sorted.length && sorted[i] == least; i++) {
                equals++;
            }
            for (int i = 0; i < weights.length; i++) {
                if (weights[i] < least || (weights[i] == least && equals-- <= 0)) {
                    weights[i] = 0;
                }
            }
        }
        for (int i = 0; i < weights.length && minP > 0; i++) {
            weights[i] = weights[i] < minP ? 0 : weights[i];
        }
    }

    /** The token at a share of the sum of all weights, in the order of their indices whatever is left out. */
    private static int pick(double[] weights, double share) {
        double target = share * Arrays.stream(weights).sum();
        double below = 0;
        int last = 0;
        for (int i = 0; i < weights.length; i++) {
            below += weights[i];
            if (target < below) {
                return i;
            }
            last = weights[i] > 0 ? i : last;
        }
        return last;
    }
}
