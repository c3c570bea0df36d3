package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;
import io.maseparation.parallel.Generation;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.execute.PlanExecutor;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RankLoader;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** A model's work by this project and by llama.cpp on the same tokens, in turns. */
final class ModelRounds {
    /** Time after which threads that wait by spinning have given up, in milliseconds. */
    private static final int REST = 300;
    /** Least tokens of each sequence whose logits are compared. */
    private static final int CHECKED = 9;
    private static final ExecutionOptions OPTIONS = ExecutionOptions.defaults().withKvType(DataType.F16);

    private final Model model;
    private final Llama llama;
    private final ModelWork work;
    private final List<int[]> prompts;
    /** Tokens that this project generates [sequence][token], after {@link #check}. */
    private final int[][] tokens;

    ModelRounds(Model model, Llama llama, ModelWork work) {
        this.model = model;
        this.llama = llama;
        this.work = work;
        prompts = work.prompts(model.config());
        tokens = new int[work.sequences()][];
    }

    /**
     * Generates greedily, has llama.cpp go through the same tokens and compares the logits that each token was chosen
     * by.
     *
     * @throws IllegalStateException if they are not the same
     * @return what was found, in words
     */
    String check() {
        int generated = Math.max(work.generated(), CHECKED);
        float[][][] ours = new float[work.sequences()][generated][];
        Workload workload = Workload.greedy(prompts, generated)
                .ignoringEos()
                .withPrefillChunk(LlamaContext.MICRO_BATCH);
        Job job = new Job(model.weights(), workload, OPTIONS, RankLoader.real(),
                Optional.of((sequence, index, logits) -> ours[sequence][index] = logits));
        try (PlanExecutor executor = PlanExecutor.lead(Planning.plan(model.config(), Layout.single()), job)) {
            RunResult result = executor.run();
            for (int s = 0; s < tokens.length; s++) {
                tokens[s] = tokens(result, s);
            }
        }
        LogitsCheck check = new LogitsCheck();
        try (LlamaContext context = context(generated)) {
            context.next(prompts.toArray(int[][]::new));
            for (int i = 0; i < generated; i++) {
                for (int s = 0; s < tokens.length; s++) {
                    check.compare("%s, sequence %d, token %d".formatted(work.name(), s, i), ours[s][i],
                            context.logits(s));
                }
                if (i < generated - 1) {
                    context.next(step(i));
                }
            }
        }
        return check.end();
    }

    private LlamaContext context(int generated) {
        return new LlamaContext(llama, work.sequences(), work.prompt() + generated);
    }

    private static int[] tokens(RunResult result, int sequence) {
        return result.outputs().get(sequence).tokenIds().stream().mapToInt(token -> token).toArray();
    }

    /** The tokens of a step: one of each sequence. */
    private int[][] step(int index) {
        int[][] step = new int[tokens.length][1];
        for (int s = 0; s < tokens.length; s++) {
            step[s][0] = tokens[s][index];
        }
        return step;
    }

    /**
     * Tokens a second of ours and of llama.cpp's, round by round, after {@link #check}: by the time of the process
     * where it has one core.
     *
     * @throws IllegalStateException if a run of ours generates other tokens
     */
    double[][] rates(int rounds) {
        List<Double> ours = new ArrayList<>();
        List<Double> theirs = new ArrayList<>();
        List<RunResult> runs;
        Watch watch = new Watch();
        try (LlamaContext context = context(work.generated())) {
            runs = Generation.of(model)
                    .layout(Layout.single())
                    .execution(OPTIONS)
                    .ignoringEos()
                    .prefillChunk(LlamaContext.MICRO_BATCH)
                    .maxTokens(work.generated())
                    .prompts(prompts)
                    .onToken((sequence, token) -> watch.token())
                    // The first run of both is not counted.
                    .run(1 + rounds, () -> {
                        ours.add(watch.rate());
                        rest();
                        theirs.add(rate(context));
                        rest();
                        watch.start();
                    });
        }
        for (RunResult run : runs) {
            for (int s = 0; s < tokens.length; s++) {
                if (!Arrays.equals(tokens(run, s), Arrays.copyOf(tokens[s], work.generated()))) {
                    throw new IllegalStateException(
                            "%s: tokens are not those of the run before".formatted(work.name()));
                }
            }
        }
        return new double[][] {counted(ours), counted(theirs)};
    }

    private static double[] counted(List<Double> rates) {
        return rates.stream().skip(1).mapToDouble(rate -> rate).toArray();
    }

    /** Looks at the clock where the prompt's end and the last token come, of all sequences. */
    private final class Watch {
        private int seen;
        private long start = PeerTable.now();
        private long end;

        void start() {
            seen = 0;
            start = PeerTable.now();
        }

        void token() {
            seen++;
            if (work.steps() > 0 && seen == work.sequences()) {
                start = PeerTable.now();
            }
            end = PeerTable.now();
        }

        /** Tokens a second. */
        double rate() {
            return work.tokens() / ((end - start) / 1e9);
        }
    }

    private double rate(LlamaContext context) {
        context.clear();
        long start = PeerTable.now();
        context.next(prompts.toArray(int[][]::new));
        if (work.steps() > 0) {
            start = PeerTable.now();
            for (int i = 0; i < work.steps(); i++) {
                context.next(step(i));
            }
        }
        return work.tokens() / ((PeerTable.now() - start) / 1e9);
    }

    private static void rest() {
        try {
            Thread.sleep(REST);
        } catch (InterruptedException e) {
            throw new IllegalStateException("interrupted", e);
        }
    }
}
