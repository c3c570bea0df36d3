package io.maseparation.parallel.compare;

import io.maseparation.files.ModelException;
import io.maseparation.parallel.Generation;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RunResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A measurement as llama-bench makes it: either prompts are processed up to the first output token, or tokens are
 * generated from prompts of one token. Prompts are random, and end-of-sequence tokens are ignored.
 *
 * @param prompt tokens of each prompt; 0 in a test of generation
 * @param generate tokens generated for each sequence; 0 in a test of prompts
 * @param prefillChunk most prompt tokens that a rank takes in at once
 * @param sequences sequences at once
 * @param depth positions before each prompt
 */
public record SpeedTest(int prompt, int generate, int prefillChunk, int sequences, int depth) {
    private static final int SEED = 0;

    /**
     * Checks the numbers.
     *
     * @throws ModelException if it is a test of both or of neither, or a number makes no sense
     */
    public SpeedTest {
        if (prompt < 0 || generate < 0 || (prompt > 0) == (generate > 0)) {
            throw new ModelException(
                    "either 'prompt' or 'generate' must be above 0 and the other 0: they are %d and %d"
                            .formatted(prompt, generate));
        }
        atLeast(1, "prefill_chunk", prefillChunk);
        atLeast(1, "sequences", sequences);
        atLeast(0, "depth", depth);
    }

    static void atLeast(int least, String name, int value) {
        if (value < least) {
            throw new ModelException("'%s' must be at least %d, is %d".formatted(name, least, value));
        }
    }

    /**
     * Values of one quantity, one per run.
     *
     * @param values in the order of the runs
     */
    public record Samples(double[] values) {
        /** {@return mean} */
        public double mean() {
            return Arrays.stream(values).average().orElse(Double.NaN);
        }

        /** {@return standard deviation of a sample, as llama-bench computes it; 0 for a single value} */
        public double deviation() {
            double mean = mean();
            double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
            return values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
        }
    }

    /** {@return short name, as llama-bench gives it: {@code pp512}, or {@code tg128 @ d1024 x 8}} */
    public String label() {
        String name = prompt > 0 ? "pp" + prompt : "tg" + generate;
        String at = depth > 0 ? name + " @ d" + depth : name;
        return sequences > 1 ? at + " x " + sequences : at;
    }

    /** {@return positions of the context that the test needs} */
    public int context() {
        return depth + (prompt > 0 ? prompt : generate) + 1;
    }

    /**
     * Runs the test, once to warm up and then to be measured.
     *
     * @param model the model
     * @param setup layout and batching of all runs
     * @param execution how plans are run
     * @param repetitions runs that are measured, at least 1
     * @param afterEach called after every run, the first included
     * @throws ModelException if there are no repetitions, or the test does not fit the model or the memory
     * @return nanoseconds of each run
     */
    public Samples nanos(
            Model model, Setup setup, ExecutionOptions execution, int repetitions, Runnable afterEach) {
        Objects.requireNonNull(afterEach, "afterEach");
        atLeast(1, "repetitions", repetitions);
        Generation generation = Generation.of(model)
                .layout(setup)
                .execution(execution)
                .ignoringEos()
                .prefillChunk(prefillChunk)
                .depth(depth)
                .maxTokens(Math.max(1, generate))
                .prompts(RandomPrompts.of(sequences, Math.max(1, prompt), model.config().vocab(), SEED));
        // On the same ranks where they stay: a GPU copies weights and captures graphs in its first steps.
        List<RunResult> runs = new ArrayList<>();
        int together = execution.changes().mayChange() ? 1 : 1 + repetitions;
        while (runs.size() <= repetitions) {
            runs.addAll(generation.run(together, afterEach));
        }
        return new Samples(runs.stream()
                .skip(1)
                .mapToDouble(run -> run.metrics().wallMs() * 1e6)
                .toArray());
    }

    /**
     * {@return tokens per second of runs of this test, over all sequences}
     *
     * @param nanos nanoseconds of each run
     */
    public Samples rates(Samples nanos) {
        long tokens = (long) sequences * (prompt > 0 ? prompt : generate);
        return new Samples(Arrays.stream(nanos.values()).map(n -> tokens * 1e9 / n).toArray());
    }
}
