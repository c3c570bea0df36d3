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
import java.util.List;
import java.util.Optional;

/** A model's work by this project and by llama.cpp on the same tokens, in turns. */
final class ModelRounds {
    /** Time after which threads that wait by spinning have given up, in milliseconds. */
    private static final int REST = 300;
    private static final ExecutionOptions OPTIONS = ExecutionOptions.defaults().withKvType(DataType.F16);

    private final Model model;
    private final Llama llama;
    private final ModelWork work;
    private final List<int[]> prompts;
    /** Tokens that this project generates [sequence][token]. */
    private final int[][] tokens;

    ModelRounds(Model model, Llama llama, ModelWork work) {
        this.model = model;
        this.llama = llama;
        this.work = work;
        prompts = work.prompts(model.config());
        tokens = new int[work.sequences()][work.generated()];
    }

    /**
     * Generates greedily, has llama.cpp go through the same tokens and compares the logits that each token was chosen
     * by.
     *
     * @throws IllegalStateException if they are not the same
     */
    LogitsCheck check() {
        float[][][] ours = new float[work.sequences()][work.generated()][];
        Workload workload = Workload.greedy(prompts, work.generated())
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
        try (LlamaContext context = context()) {
            context.next(prompts.toArray(int[][]::new));
            for (int i = 0; i < work.generated(); i++) {
                for (int s = 0; s < tokens.length; s++) {
                    check.compare("%s, sequence %d, token %d".formatted(work.name(), s, i), ours[s][i],
                            context.logits(s));
                }
                if (i < work.steps()) {
                    context.next(step(i));
                }
            }
        }
        return check;
    }

    private LlamaContext context() {
        return new LlamaContext(llama, work.sequences(), work.positions());
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
     * Tokens a second of ours and of llama.cpp's, round by round, after {@link #check}.
     *
     * @throws IllegalStateException if a run of ours generates other tokens
     */
    double[][] rates(int rounds) {
        List<Double> theirs = new ArrayList<>();
        List<RunResult> runs;
        try (LlamaContext context = context()) {
            runs = Generation.of(model)
                    .layout(Layout.single())
                    .execution(OPTIONS)
                    .ignoringEos()
                    .prefillChunk(LlamaContext.MICRO_BATCH)
                    .maxTokens(work.generated())
                    .prompts(prompts)
                    // The first run of both is not counted.
                    .run(1 + rounds, () -> {
                        rest();
                        theirs.add(rate(context));
                        rest();
                    });
        }
        for (RunResult run : runs) {
            for (int s = 0; s < tokens.length; s++) {
                if (!java.util.Arrays.equals(tokens(run, s), tokens[s])) {
                    throw new IllegalStateException("%s: tokens are not those of the run before".formatted(work.name()));
                }
            }
        }
        return new double[][] {
                runs.stream().skip(1).mapToDouble(this::rate).toArray(),
                theirs.stream().skip(1).mapToDouble(rate -> rate).toArray()
        };
    }

    private double rate(RunResult run) {
        return work.steps() == 0
                ? work.tokens() / (run.metrics().wallMs() / 1e3)
                : run.metrics().tps();
    }

    private double rate(LlamaContext context) {
        context.clear();
        long start = System.nanoTime();
        context.next(prompts.toArray(int[][]::new));
        if (work.steps() > 0) {
            start = System.nanoTime();
            for (int i = 0; i < work.steps(); i++) {
                context.next(step(i));
            }
        }
        return work.tokens() / ((System.nanoTime() - start) / 1e9);
    }

    private static void rest() {
        try {
            Thread.sleep(REST);
        } catch (InterruptedException e) {
            throw new IllegalStateException("interrupted", e);
        }
    }
}
