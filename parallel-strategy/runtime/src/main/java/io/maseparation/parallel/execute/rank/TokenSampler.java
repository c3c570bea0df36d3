package io.maseparation.parallel.execute.rank;

import io.maseparation.files.ModelException;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.run.LogitsListener;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Turns the output rows of a rank into tokens, gathering the logits of other ranks where the vocabulary is split. What
 * a segment left on the device is taken at once, since another micro-batch may run before this one is sampled. Each row
 * is sampled as its own sequence wants it, and a row that cannot be sampled harms no other.
 */
final class TokenSampler {
    /** Stands for a token where none could be sampled; the sequence has ended, and what it computes is dropped. */
    private static final int NONE = 0;

    private final ModelConfig config;
    private final RankPlan rankPlan;
    private final RankDevice device;
    private final RankBuffers buffers;
    private final Slots slots;
    private final StepListener steps;
    private final Optional<LogitsListener> listener;
    private final Map<Integer, Kept> kept = new HashMap<>();

    /**
     * Outputs of a micro-batch that wait to be sampled.
     *
     * @param best most likely tokens; empty where the vocabulary is split
     * @param slices logits by slice of the vocabulary, each row-major, this rank's first; empty where best is enough
     */
    private record Kept(int[] best, List<float[]> slices) {}

    TokenSampler(ModelConfig config, RankPlan rankPlan, RankDevice device, RunContext context) {
        this.config = config;
        this.rankPlan = rankPlan;
        this.device = device;
        this.buffers = device.buffers();
        this.slots = context.slots();
        this.steps = context.listener();
        this.listener = context.logits();
    }

    /** Takes the outputs of a micro-batch from the device, right after the segment that computed them. */
    void keep(int microBatch, Batch batch) {
        int n = batch.outputs().length;
        int width = rankPlan.shard().output().orElseThrow().size();
        boolean split = width < config.vocab();
        List<float[]> slices = new ArrayList<>();
        if (n > 0 && (split || needsLogits(batch))) {
            device.fetchLogits();
            float[] own = new float[n * width];
            buffers.outputs().logits().read(0, own, 0, own.length);
            slices.add(own);
        }
        int[] best = new int[split ? 0 : n];
        Arrays.setAll(best, buffers.outputs().best()::get);
        kept.put(microBatch, new Kept(best, slices));
    }

    private boolean needsLogits(Batch batch) {
        if (listener.isPresent()) {
            return true;
        }
        for (int row : batch.outputs()) {
            Slot slot = slots.get(batch.sequences()[row]);
            if (!slot.sampler().needsNoLogits() || slot.keepsLogits(batch.positions()[row])) {
                return true;
            }
        }
        return false;
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
    void sample(MicroBatch microBatch) {
        Batch batch = microBatch.batch();
        int n = batch.outputs().length;
        if (n == 0) {
            return;
        }
        Kept outputs = outputs(microBatch.index);
        float[] logits = outputs.slices().isEmpty() ? null : rows(outputs.slices(), n);
        long now = System.nanoTime();
        for (int i = 0; i < n; i++) {
            int row = batch.outputs()[i];
            int index = batch.sequences()[row];
            Slot slot = slots.get(index);
            int output = slot.index(batch.positions()[row]);
            int token;
            try {
                token = outputs.best().length > 0 && slot.sampler().needsNoLogits()
                        ? best(outputs.best()[i], slot, output)
                        : slot.sampler().sample(
                                Objects.requireNonNull(logits), i * config.vocab(), config.vocab(), slot.number(),
                                slot.before(), output);
            } catch (RuntimeException e) {
                microBatch.setLastToken(index, NONE);
                steps.failed(index, output, rankPlan.rank(), explained(e));
                continue;
            }
            microBatch.setLastToken(index, token);
            slot.sampled(token);
            if (listener.isPresent()) {
                listener.get().sampled(slot.number(), output, row(Objects.requireNonNull(logits), i));
            }
            boolean keeps = slot.keepsLogits(batch.positions()[row]);
            steps.sampled(
                    index, output, token, keeps ? row(Objects.requireNonNull(logits), i) : null, now);
        }
        steps.batchSampled();
    }

    /** What else can be done, where the device may be the reason. */
    private RuntimeException explained(RuntimeException e) {
        return e instanceof ModelException && device.multipliesOnTensorCores()
                ? new ModelException(e.getMessage()
                        + "; if activations are beyond 65504, which tensor cores cannot hold, 'no_tensor_cores' helps",
                        e)
                : e;
    }

    private static int best(int token, Slot slot, int output) {
        if (token < 0) {
            throw new ModelException("a logit of sequence %d, step %d, is not a finite number".formatted(
                    slot.number(), output));
        }
        return token;
    }

    private float[] row(float[] logits, int i) {
        return Arrays.copyOfRange(logits, i * config.vocab(), (i + 1) * config.vocab());
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
