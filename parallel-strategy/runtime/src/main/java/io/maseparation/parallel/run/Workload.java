package io.maseparation.parallel.run;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Sampler;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;

/**
 * What to generate.
 *
 * @param prompts token ids of each sequence; at least one each
 * @param limits tokens to generate for each sequence: one number for each
 * @param ignoreEos whether to go on after an end-of-sequence token
 * @param ending where else a sequence ends
 * @param sampling how tokens are chosen
 * @param promptLogits whether to keep the logits of each prompt's last position
 * @param prefillChunk most prompt tokens that one rank takes in one step and micro-batch
 * @param depth positions before each prompt, with random keys and values from the seed of sampling: for measurements
 */
public record Workload(
        List<int[]> prompts,
        List<Integer> limits,
        boolean ignoreEos,
        Ending ending,
        Sampler sampling,
        boolean promptLogits,
        int prefillChunk,
        int depth) {

    /** Says where a sequence ends, beside its end-of-sequence tokens. */
    @FunctionalInterface
    public interface Ending {
        /** Nowhere. */
        Ending NEVER = tokens -> -1;

        /**
         * {@return how many tokens there are up to the end; -1 if the end is not reached} What it throws, or more
         * tokens than there are, ends the run with a {@link RunFailedException}.
         *
         * @param tokens what was generated so far
         */
        int tokens(List<Integer> tokens);

        /**
         * {@return what looks at the tokens of one sequence as they come; it finds the end at the same token as
         * {@link #tokens}, which this one asks every time}
         */
        default Tracker start() {
            List<Integer> tokens = new ArrayList<>();
            return token -> {
                tokens.add(token);
                return kept(this, tokens) >= 0;
            };
        }
    }

    /** Looks at the tokens of one sequence as they come. */
    @FunctionalInterface
    public interface Tracker {
        /**
         * {@return whether the sequence ends with this token}
         *
         * @param token the next one
         */
        boolean endsWith(int token);
    }

    /**
     * {@return what finds the end of one sequence: at an end-of-sequence token, or where {@link #ending} says}
     *
     * @param config shape and rules of the model
     */
    public Tracker tracker(ModelConfig config) {
        List<Integer> eos = ignoreEos ? List.of() : config.vocabulary().eosTokens();
        Tracker other = ending.equals(Ending.NEVER) ? token -> false : ending.start();
        return token -> {
            boolean ends;
            try {
                ends = other.endsWith(token);
            } catch (RunFailedException e) {
                throw e;
            } catch (RuntimeException e) {
                throw new RunFailedException("the workload's ending failed: " + e, e);
            }
            return ends || eos.contains(token);
        };
    }

    /** Default of {@link #prefillChunk}. */
    public static final int DEFAULT_PREFILL_CHUNK = 256;

    /** Copies the prompts and the limits. */
    public Workload {
        limits = Needed.all(limits, "limits");
        Objects.requireNonNull(ending, "ending");
        Objects.requireNonNull(sampling, "sampling");
        prompts = Needed.all(prompts, "prompts").stream().map(int[]::clone).toList();
    }

    /**
     * A workload whose sequences are to have equally many tokens.
     *
     * @param prompts token ids of each sequence; at least one each
     * @param maxTokens tokens to generate for each sequence
     * @param ignoreEos whether to go on after an end-of-sequence token
     * @param ending where else a sequence ends
     * @param sampling how tokens are chosen
     * @param promptLogits whether to keep the logits of each prompt's last position
     * @param prefillChunk most prompt tokens that one rank takes in one step and micro-batch
     * @param depth positions before each prompt
     */
    public Workload(
            List<int[]> prompts, int maxTokens, boolean ignoreEos, Ending ending, Sampler sampling,
            boolean promptLogits, int prefillChunk, int depth) {
        this(prompts, Collections.nCopies(Objects.requireNonNull(prompts, "prompts").size(), maxTokens), ignoreEos,
                ending, sampling, promptLogits, prefillChunk, depth);
    }

    /** {@return tokens to generate for the sequence that is to have most; 0 where there is none} */
    public int maxTokens() {
        return limits.stream().mapToInt(n -> n).max().orElse(0);
    }

    /** {@return tokens to generate for all sequences together} */
    public long allTokens() {
        return limits.stream().mapToLong(n -> n).sum();
    }

    /**
     * {@return the same with other numbers of tokens to generate}
     *
     * @param tokens one number for each sequence
     */
    public Workload withLimits(List<Integer> tokens) {
        return new Workload(prompts, tokens, ignoreEos, ending, sampling, promptLogits, prefillChunk, depth);
    }

    /**
     * {@return greedy generation}
     *
     * @param prompts token ids of each sequence
     * @param maxTokens tokens to generate for each sequence
     */
    public static Workload greedy(List<int[]> prompts, int maxTokens) {
        return new Workload(prompts, maxTokens, false, Ending.NEVER, Sampler.greedy(), false, DEFAULT_PREFILL_CHUNK, 0);
    }

    /** {@return the same, going on after end-of-sequence tokens} */
    public Workload ignoringEos() {
        return new Workload(prompts, limits, true, ending, sampling, promptLogits, prefillChunk, depth);
    }

    /** {@return the same, keeping the logits of each prompt's last position} */
    public Workload withPromptLogits() {
        return new Workload(prompts, limits, ignoreEos, ending, sampling, true, prefillChunk, depth);
    }

    /**
     * {@return the same with prompts processed in chunks of another size}
     *
     * @param tokens most prompt tokens that one rank takes in one step and micro-batch
     */
    public Workload withPrefillChunk(int tokens) {
        return new Workload(prompts, limits, ignoreEos, ending, sampling, promptLogits, tokens, depth);
    }

    /**
     * {@return the same after a context of random keys and values}
     *
     * @param positions length of the context; 0 for none
     */
    public Workload withDepth(int positions) {
        return new Workload(prompts, limits, ignoreEos, ending, sampling, promptLogits, prefillChunk, positions);
    }

    /**
     * {@return how many tokens of a sequence count: all, or those up to the first that ends it}
     *
     * @param config shape and rules of the model
     * @param tokens what was generated so far
     * @param otherwise what to return where none ends it
     * @throws RunFailedException if {@link #ending} fails, or says more tokens than there are
     */
    public int kept(ModelConfig config, List<Integer> tokens, int otherwise) {
        int end = end(tokens);
        for (int i = 0; !ignoreEos && i < tokens.size(); i++) {
            if (config.vocabulary().eosTokens().contains(tokens.get(i))) {
                return end < 0 ? i + 1 : Math.min(end, i + 1);
            }
        }
        return end < 0 ? otherwise : end;
    }

    private int end(List<Integer> tokens) {
        return kept(ending, tokens);
    }

    private static int kept(Ending ending, List<Integer> tokens) {
        int end;
        try {
            end = ending.tokens(tokens);
        } catch (RuntimeException e) {
            throw new RunFailedException("the workload's ending failed: " + e, e);
        }
        if (end > tokens.size()) {
            throw new RunFailedException(
                    "the workload's ending keeps %d of %s".formatted(end, Text.count(tokens.size(), "token")), null);
        }
        return end;
    }

    /**
     * {@return whether a sequence may end before it has all its tokens}
     *
     * @param config shape and rules of the model
     */
    public boolean mayEnd(ModelConfig config) {
        return !ending.equals(Ending.NEVER) || (!ignoreEos && !config.vocabulary().eosTokens().isEmpty());
    }

    /**
     * {@return positions that sequence {@code index} needs in a KV cache: its last token is never fed back}
     *
     * @param index index of the prompt
     */
    public int positions(int index) {
        return depth + prompts.get(index).length + limits.get(index) - 1;
    }

    /**
     * Checks the workload against a model.
     *
     * @param config shape and rules of the model
     * @throws ModelException if the model cannot run this: a token outside the vocabulary, a context too long, an empty
     *     prompt, nothing to generate
     */
    public void check(ModelConfig config) {
        if (prompts.isEmpty()) {
            throw new ModelException("no prompt: there must be at least one");
        }
        if (limits.size() != prompts.size()) {
            throw new ModelException("there are %s and %s of 'max_tokens': give one for each, or one for all".formatted(
                    Text.count(prompts.size(), "prompt"), Text.count(limits.size(), "number")));
        }
        for (int tokens : limits) {
            if (tokens < 1) {
                throw new ModelException("'max_tokens' must be at least 1, is " + tokens);
            }
        }
        if (depth < 0) {
            throw new ModelException("'depth' must be 0 or more, is " + depth);
        }
        if (prefillChunk < 1) {
            throw new ModelException("'prefill_chunk' must be at least 1, is " + prefillChunk);
        }
        for (int i = 0; i < prompts.size(); i++) {
            int[] prompt = prompts.get(i);
            if (prompt.length == 0) {
                throw new ModelException("prompt %d is empty".formatted(i));
            }
            for (int token : prompt) {
                if (token < 0 || token >= config.vocab()) {
                    throw new ModelException("prompt %d: token %d is outside the vocabulary of %d"
                            .formatted(i, token, config.vocab()));
                }
            }
            long context = (long) depth + prompt.length + limits.get(i);
            if (context > config.maxPositions()) {
                throw new ModelException(
                        "prompt %d: %s and %d to generate exceed the model's context of %d: lower 'max_tokens' or shorten the prompt"
                                .formatted(
                                        i,
                                        Text.count((long) depth + prompt.length, "token"),
                                        limits.get(i),
                                        config.maxPositions()));
            }
        }
    }
}
