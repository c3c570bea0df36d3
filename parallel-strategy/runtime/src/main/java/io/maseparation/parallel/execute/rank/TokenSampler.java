package io.maseparation.parallel.execute.rank;

import io.maseparation.files.ModelException;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Sampler;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.run.LogitsListener;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Turns the output rows of a rank into tokens, gathering the logits of other ranks where the vocabulary is split. What
 * a segment left on the device is taken at once, since another micro-batch may run before this one is sampled.
 */
final class TokenSampler {
    private final ModelConfig config;
    private final RankPlan rankPlan;
    private final RankDevice device;
    private final RankBuffers buffers;
    private final Workload workload;
    private final Sequences sequences;
    private final Sampler sampler;
    private final int[] lastToken;
    private final Optional<LogitsListener> listener;
    private final Map<Integer, Kept> kept = new HashMap<>();

    /**
     * Outputs of a micro-batch that wait to be sampled.
     *
     * @param best most likely tokens, where those are enough
     * @param slices logits by slice of the vocabulary, each row-major, this rank's first; empty where best is enough
     */
    private record Kept(int[] best, List<float[]> slices) {}

    TokenSampler(ModelConfig config, RankPlan rankPlan, RankDevice device, RunContext context, int[] lastToken) {
        this.config = config;
        this.rankPlan = rankPlan;
        this.device = device;
        this.buffers = device.buffers();
        this.workload = context.job().workload();
        this.sequences = context.sequences();
        this.sampler = workload.sampling();
        this.lastToken = lastToken;
        this.listener = context.job().logits();
    }

    /** Takes the outputs of a micro-batch from the device, right after the segment that computed them. */
    void keep(int microBatch, Batch batch, boolean prefill) {
        int n = batch.outputs().length;
        int width = rankPlan.shard().output().orElseThrow().size();
        boolean logits = keepsPromptLogits(prefill)
                || !sampler.needsNoLogits()
                || width < config.vocab()
                || listener.isPresent();
        List<float[]> slices = new ArrayList<>();
        int[] best = new int[n];
        if (n > 0 && logits) {
            device.fetchLogits();
            float[] own = new float[n * width];
            buffers.outputs().logits().read(0, own, 0, own.length);
            slices.add(own);
        } else {
            Arrays.setAll(best, buffers.outputs().best()::get);
        }
        kept.put(microBatch, new Kept(best, slices));
    }

    private boolean keepsPromptLogits(boolean prefill) {
        return prefill && workload.promptLogits();
    }

    /** Logits of this rank's slice for the output rows of a micro-batch, row-major. */
    float[] ownLogits(int microBatch) {
        return outputs(microBatch).slices().getFirst();
    }

    /** Adds the next slice of the vocabulary, in the order of the ranks. */
    void otherLogits(int microBatch, float[] logits) {
        outputs(microBatch).slices().add(logits);
    }

    private Kept outputs(int microBatch) {
        return Objects.requireNonNull(kept.get(microBatch), "a micro-batch is sampled after its segment of outputs");
    }

    /** Samples the output rows of a micro-batch. */
    void sample(int microBatch, Batch batch, boolean prefill) {
        int n = batch.outputs().length;
        if (n == 0) {
            return;
        }
        Kept outputs = outputs(microBatch);
        boolean best = outputs.slices().isEmpty();
        float[] logits = best ? new float[0] : rows(outputs.slices(), n);
        long now = System.nanoTime();
        for (int i = 0; i < n; i++) {
            int sequence = batch.sequences()[batch.outputs()[i]];
            int index = batch.positions()[batch.outputs()[i]]
                    - workload.depth()
                    - workload.prompts().get(sequence).length
                    + 1;
            int from = i * config.vocab();
            if (best && outputs.best()[i] < 0) {
                throw new ModelException(
                        "a logit of sequence %d, step %d, is not a finite number".formatted(sequence, index));
            }
            int token = best
                    ? outputs.best()[i]
                    : sampler.sample(logits, from, config.vocab(), sequence, before(sequence), index);
            lastToken[sequence] = token;
            if (keepsPromptLogits(prefill)) {
                sequences.setPromptLogits(sequence, Arrays.copyOfRange(logits, from, from + config.vocab()));
            }
            if (listener.isPresent()) {
                listener.get().sampled(sequence, index, Arrays.copyOfRange(logits, from, from + config.vocab()));
            }
            sequences.add(sequence, token, now);
        }
    }

    /** Tokens of a sequence so far, for the one setting that looks at them. */
    private int[] before(int sequence) {
        return sampler.repetitionPenalty() == 1
                ? new int[0]
                : IntStream.concat(Arrays.stream(workload.prompts().get(sequence)),
                        sequences.tokens(sequence).stream().mapToInt(t -> t)).toArray();
    }

    /** Whole rows of logits from slices of the vocabulary. */
    private float[] rows(List<float[]> slices, int rows) {
        if (slices.size() == 1) {
            return slices.getFirst();
        }
        float[] all = new float[rows * config.vocab()];
        int column = 0;
        for (float[] slice : slices) {
            int width = slice.length / rows;
            for (int row = 0; row < rows; row++) {
                System.arraycopy(slice, row * width, all, row * config.vocab() + column, width);
            }
            column += width;
        }
        return all;
    }
}
