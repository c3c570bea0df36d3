package io.maseparation.parallel;

import io.maseparation.files.ModelException;
import io.maseparation.moe.ChatTemplate;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Sampler;
import io.maseparation.moe.StopStrings;
import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.engine.GeneratedToken;
import io.maseparation.parallel.execute.Agreement;
import io.maseparation.parallel.execute.PlanExecutor;
import io.maseparation.parallel.execute.RankProcess;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;

/**
 * One run of a model, described step by step: what to generate and on which layout. The shortest way into the library;
 * {@link Planning}, {@link Workload} and {@link PlanExecutor} are what it is made of. Not for use by several
 * threads, but for {@link #cancel}.
 */
public final class Generation {
    private final Model model;
    private final List<int[]> prompts = new ArrayList<>();
    private Function<ModelConfig, Plan> plan = config -> Planning.plan(config, Layout.single());
    private ExecutionOptions execution = ExecutionOptions.defaults();
    private int maxTokens = 16;
    /** For each prompt; empty where all have the same. */
    private Optional<List<Integer>> limits = Optional.empty();
    private boolean ignoreEos;
    private Sampler sampling = Sampler.greedy();
    private Optional<StopStrings> stops = Optional.empty();
    private boolean promptLogits;
    private int depth;
    private int prefillChunk = Workload.DEFAULT_PREFILL_CHUNK;
    private Optional<Processes> processes = Optional.empty();
    private Optional<Listener> listener = Optional.empty();
    /** Guards what follows. */
    private final Object lock = new Object();
    private boolean cancelled;
    private Optional<PlanExecutor> running = Optional.empty();

    private Generation(Model model) {
        this.model = model;
    }

    /**
     * {@return greedy generation of up to 16 tokens on one rank, unless something else is set}
     *
     * @param model the model
     * @throws IllegalStateException if it is closed
     */
    public static Generation of(Model model) {
        Objects.requireNonNull(model, "model").requireOpen();
        return new Generation(model);
    }

    /**
     * How the model is spread over ranks; the batch goes through it as a whole.
     *
     * @param layout what to use
     * @return this
     */
    public Generation layout(Layout layout) {
        return layout(Objects.requireNonNull(layout, "layout").withMicroBatches(1));
    }

    /**
     * How the model is spread over ranks, and how the batch goes through them.
     *
     * @param setup what to use
     * @return this
     */
    public Generation layout(Setup setup) {
        Objects.requireNonNull(setup, "setup");
        plan = config -> Planning.plan(config, setup);
        return this;
    }

    /**
     * How the model is spread over ranks and devices, and where its experts are.
     *
     * @param file the file
     * @return this
     */
    public Generation plan(PlanFile file) {
        plan = Objects.requireNonNull(file, "file")::toPlan;
        return this;
    }

    /**
     * Adds a prompt of token ids; each call adds a sequence to the batch.
     *
     * @param tokenIds token ids
     * @return this
     */
    public Generation prompt(int... tokenIds) {
        prompts.add(Objects.requireNonNull(tokenIds, "tokenIds").clone());
        return this;
    }

    /**
     * Adds a prompt of text.
     *
     * @param text the prompt, which the checkpoint's tokenizer encodes
     * @throws ModelException if the model has no tokenizer
     * @return this
     */
    public Generation prompt(String text) {
        Objects.requireNonNull(text, "text");
        prompts.add(model.requiredTokenizer().encode(text));
        return this;
    }

    /**
     * Adds a prompt that is a conversation, in the words of the checkpoint's chat template and ready for an answer.
     *
     * @param messages the turns so far
     * @throws ModelException if the model has no tokenizer or no chat template, or the template refuses the
     *     conversation
     * @return this
     */
    public Generation chat(List<ChatTemplate.Message> messages) {
        Objects.requireNonNull(messages, "messages");
        prompts.add(model.requiredTokenizer().encodeChat(messages, model.config().name()));
        return this;
    }

    /**
     * Ends a sequence where its text has one of these strings, whatever tokens they are made of.
     *
     * @param strings what ends a text, which is kept up to there; {@link #text(RunResult.SequenceOutput)} cuts it
     * @throws ModelException if the model has no tokenizer
     * @return this
     */
    public Generation stop(List<String> strings) {
        model.requireOpen();
        stops = Objects.requireNonNull(strings, "strings").isEmpty()
                ? Optional.empty()
                : Optional.of(new StopStrings(model.requiredTokenizer(), strings));
        return this;
    }

    /**
     * {@return the text of a result, up to the first stop string; empty if the model has no tokenizer}
     *
     * @param output one sequence of a result
     */
    public Optional<String> text(RunResult.SequenceOutput output) {
        Objects.requireNonNull(output, "output");
        return model.tokenizer()
                .map(t -> t.decode(output.tokenIds().stream().mapToInt(id -> id).toArray()))
                .map(text -> stops.map(s -> s.cut(text)).orElse(text));
    }

    /**
     * Adds prompts of token ids.
     *
     * @param tokenIds token ids
     * @return this
     */
    public Generation prompts(List<int[]> tokenIds) {
        Objects.requireNonNull(tokenIds, "tokenIds").forEach(this::prompt);
        return this;
    }

    /**
     * Most tokens to generate for each sequence.
     *
     * @param n number of tokens, at least 1
     * @return this
     */
    public Generation maxTokens(int n) {
        maxTokens = n;
        limits = Optional.empty();
        return this;
    }

    /**
     * Most tokens to generate for each sequence, where they are not to have equally many.
     *
     * @param each a number of tokens, at least 1, for each prompt, in their order
     * @return this
     */
    public Generation limits(List<Integer> each) {
        limits = Optional.of(List.copyOf(each));
        return this;
    }

    private List<Integer> limits(int sequences) {
        return limits.orElseGet(() -> Collections.nCopies(sequences, maxTokens));
    }

    /**
     * Goes on after end-of-sequence tokens.
     *
     * @return this
     */
    public Generation ignoringEos() {
        ignoreEos = true;
        return this;
    }

    /**
     * Samples instead of taking the most likely token.
     *
     * @param temperature divisor of logits; 0 for greedy
     * @param topP share of probability to sample from; 1 for all
     * @param seed of sampling
     * @return this
     */
    public Generation sampling(double temperature, double topP, long seed) {
        return sampling(new Sampler(temperature, 0, topP, 0, 1, seed));
    }

    /**
     * How tokens are chosen; {@link Model#sampler(boolean)} is what the checkpoint recommends.
     *
     * @param sampler all settings
     * @return this
     */
    public Generation sampling(Sampler sampler) {
        sampling = Objects.requireNonNull(sampler, "sampler");
        return this;
    }

    /** {@return the prompts so far, as token ids} */
    public List<int[]> prompts() {
        return prompts.stream().map(int[]::clone).toList();
    }

    /**
     * Keeps the logits of each prompt's last position.
     *
     * @return this
     */
    public Generation promptLogits() {
        promptLogits = true;
        return this;
    }

    /**
     * Most prompt tokens that a rank takes in one step and micro-batch.
     *
     * @param tokens number of tokens, at least 1
     * @return this
     */
    public Generation prefillChunk(int tokens) {
        prefillChunk = tokens;
        return this;
    }

    /**
     * Puts a context of that many positions with random keys and values before each prompt, for measurements.
     *
     * @param positions length of the context; 0 for none
     * @return this
     */
    public Generation depth(int positions) {
        depth = positions;
        return this;
    }

    /**
     * Devices, format of the KV cache, memory limit and a listener for progress.
     *
     * @param options what to use
     * @return this
     */
    public Generation execution(ExecutionOptions options) {
        execution = Objects.requireNonNull(options, "options");
        return this;
    }

    /**
     * Has each rank live in a process of its own: the leader {@link #run()}s it, and all others {@link #follow()}. All
     * describe the same model, layout and lengths; prompts are the leader's.
     *
     * @param of the processes, as many as the layout has ranks
     * @return this
     */
    public Generation in(Processes of) {
        processes = Optional.of(Objects.requireNonNull(of, "processes"));
        return this;
    }

    /** Sees tokens as they come. */
    @FunctionalInterface
    public interface Listener {
        /**
         * A token was generated. What this throws ends the run.
         *
         * @param sequence index of the prompt
         * @param token the token, and the text that is certain with it
         */
        void token(int sequence, GeneratedToken token);

        /**
         * A sequence has ended.
         *
         * @param sequence index of the prompt
         * @param rest text that was held back and belongs to no token: of a sequence that was cancelled
         */
        default void ended(int sequence, String rest) {}
    }

    /**
     * Calls somebody with every token as it comes, on the thread that runs this, so that it should not take long.
     *
     * @param tokens takes them
     * @return this
     */
    public Generation onToken(Listener tokens) {
        listener = Optional.of(tokens);
        return this;
    }

    /**
     * Ends the run that is under way by its next step, or the next one as soon as it begins: {@link #run()} returns
     * what there is by then. For any thread.
     */
    public void cancel() {
        synchronized (lock) {
            cancelled = true;
            running.ifPresent(PlanExecutor::cancel);
        }
    }

    private void running(Optional<PlanExecutor> executor) {
        synchronized (lock) {
            running = executor;
            if (cancelled) {
                executor.ifPresent(PlanExecutor::cancel);
            }
            cancelled &= executor.isPresent();
        }
    }

    /**
     * Runs it. Can be called again.
     *
     * @throws ModelException if the workload does not fit the model, or the memory
     * @throws io.maseparation.parallel.layout.PlanException if the model cannot be laid out this way
     * @throws RunFailedException if a rank fails or gets stuck, or the model is closed meanwhile
     * @throws IllegalStateException if the model is closed
     * @return tokens and measurements
     */
    public RunResult run() {
        return run(1, () -> {}).getFirst();
    }

    /**
     * Runs it as {@link #run()}, several times on ranks that are set up once, until a run is cancelled.
     *
     * @param times how often, at least 1; 1 with changes of layout or ranks as processes
     * @param afterEach called after every run
     * @return tokens and measurements of each run; set-up is that of the first
     */
    public List<RunResult> run(int times, Runnable afterEach) {
        Objects.requireNonNull(afterEach, "afterEach");
        model.enter();
        // A thread that could not be ended may still read the weights.
        AtomicBoolean atRest = new AtomicBoolean(true);
        try {
            return runOpen(atRest, times, afterEach);
        } finally {
            if (atRest.get()) {
                model.leave();
            }
        }
    }

    /**
     * Takes part in a run that another process leads, from setup to end; its prompts, stop strings and listeners count.
     *
     * @throws ModelException if the workload does not fit the model, or the memory
     * @throws io.maseparation.parallel.layout.PlanException if the model cannot be laid out this way
     * @throws RunFailedException if the rank fails
     * @throws IllegalStateException if the model is closed, or there are no other processes
     */
    public void follow() {
        Processes of = processes.orElseThrow(() -> new IllegalStateException("there is nobody to follow: use in()"));
        model.enter();
        try {
            List<int[]> told = PromptNote.read(agreement().reach(of, new byte[0]));
            Workload workload = new Workload(
                    told, limits(told.size()), ignoreEos, Workload.Ending.NEVER, sampling, promptLogits, prefillChunk,
                    depth);
            ModelWeights weights = model.weightsFor(execution.devicesOrDefault());
            RankProcess.join(plan.apply(weights.config()), new Job(weights, workload, execution).in(of));
        } finally {
            model.leave();
        }
    }

    /** What has to be the same in all processes. */
    private Agreement agreement() {
        return Agreement.of(plan.apply(model.config()), model.hash(), execution.devicesOrDefault().getFirst())
                .on("command line", maxTokens, limits, sampling, prefillChunk, depth, execution.kvType(),
                        execution.activations());
    }

    private List<RunResult> runOpen(AtomicBoolean atRest, int times, Runnable afterEach) {
        Workload.Ending ending = StopEnding.of(stops, model::requiredTokenizer);
        Workload workload = new Workload(
                prompts, limits(prompts.size()), ignoreEos, ending, sampling, promptLogits, prefillChunk, depth);
        processes.ifPresent(of -> agreement().reach(of, PromptNote.write(prompts)));
        ModelWeights weights = model.weightsFor(execution.devicesOrDefault());
        AtomicBoolean ended = new AtomicBoolean();
        ExecutionOptions untilClosed = execution.withOnToken(sequence -> {
            execution.onToken().accept(sequence);
            ended.compareAndSet(false, !model.isOpen());
            model.requireOpen();
        });
        Job own = new Job(weights, workload, untilClosed);
        Job job = processes.map(own::in).orElse(own);
        job.checkRuns(times);
        PlanExecutor executor = PlanExecutor.lead(plan.apply(weights.config()), job);
        try (executor) {
            running(Optional.of(executor));
            List<RunResult> results = new ArrayList<>();
            do {
                results.add(executor.run(
                        StreamedTokens.of(listener, model, stops, limits(prompts.size()), ignoreEos)));
                afterEach.run();
            } while (results.size() < times && !executor.isCancelled());
            return results;
        } catch (RunFailedException e) {
            throw ended.get() ? new RunFailedException("the model was closed during the run", e) : e;
        } finally {
            atRest.set(executor.isAtRest());
            running(Optional.empty());
        }
    }
}
