package io.maseparation.parallel.execute;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Sampler;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.parallel.plan.Plan;
import io.maseparation.parallel.plan.RankPlan;
import java.util.HashMap;
import java.util.Map;

/** Turns the output rows of a rank into tokens, gathering the logits of other ranks where the vocabulary is split. */
final class TokenSampler {
    private final ModelConfig config;
    private final RankPlan rankPlan;
    private final RankDevice device;
    private final RankBuffers buffers;
    private final Workload workload;
    private final Sequences sequences;
    private final Sampler sampler;
    private final int[] lastToken;
    private final Map<Integer, float[]> others = new HashMap<>();

    TokenSampler(ModelConfig config, RankPlan rankPlan, RankDevice device, RunContext context, int[] lastToken) {
        this.config = config;
        this.rankPlan = rankPlan;
        this.device = device;
        this.buffers = device.buffers();
        this.workload = context.workload();
        this.sequences = context.sequences();
        this.sampler = new Sampler(workload.temperature(), workload.topP(), workload.seed());
        this.lastToken = lastToken;
    }

    /** Logits of the rank's slice of the vocabulary for the output rows of a batch, row-major. */
    float[] ownLogits(Batch batch) {
        device.fetchLogits();
        int width = rankPlan.shard().output().orElseThrow().size();
        float[] logits = new float[batch.outputs().length * width];
        buffers.logits().read(0, logits, 0, logits.length);
        return logits;
    }

    /** Keeps another rank's slice until {@link #sample}. */
    void otherLogits(int rank, float[] logits) {
        others.put(rank, logits);
    }

    /** Samples the output rows of a batch. */
    void sample(Batch batch, boolean prefill) {
        int n = batch.outputs().length;
        if (n == 0) {
            return;
        }
        boolean wholeVocabulary = rankPlan.shard().output().orElseThrow().size() == config.vocab();
        boolean keep = prefill && workload.promptLogits();
        boolean needed = keep || workload.temperature() > 0 || !wholeVocabulary;
        float[] logits = needed ? gather(batch) : null;
        long now = System.nanoTime();
        for (int i = 0; i < n; i++) {
            int sequence = batch.sequences()[batch.outputs()[i]];
            int index = batch.positions()[batch.outputs()[i]] - workload.prompts().get(sequence).length + 1;
            int token = needed
                    ? sampler.sample(logits, i * config.vocab(), config.vocab(), sequence, index)
                    : buffers.best().get(i);
            lastToken[sequence] = token;
            if (keep) {
                int from = i * config.vocab();
                sequences.setPromptLogits(
                        sequence, java.util.Arrays.copyOfRange(logits, from, from + config.vocab()));
            }
            sequences.add(sequence, token, now);
        }
        others.clear();
    }

    /** The full rows of logits, this rank's slice first (it samples because it has the first slice). */
    private float[] gather(Batch batch) {
        float[] own = ownLogits(batch);
        int rows = batch.outputs().length;
        if (others.isEmpty()) {
            return own;
        }
        float[] all = new float[rows * config.vocab()];
        int at = place(own, rows, all, 0);
        for (int rank = rankPlan.rank() + 1; others.containsKey(rank); rank++) {
            at = place(others.get(rank), rows, all, at);
        }
        return all;
    }

    private int place(float[] slice, int rows, float[] all, int column) {
        int width = slice.length / rows;
        for (int row = 0; row < rows; row++) {
            System.arraycopy(slice, row * width, all, row * config.vocab() + column, width);
        }
        return column + width;
    }
}
