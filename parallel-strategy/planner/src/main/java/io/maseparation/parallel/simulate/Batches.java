package io.maseparation.parallel.simulate;

import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.layout.PerMicroBatch;
import io.maseparation.parallel.layout.Shares;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Which rows each group of ranks has in each step, micro-batch by micro-batch. */
final class Batches {
    private final boolean prefill;
    private final int steps;
    /** For each group and micro-batch, the rows of each step; a single entry if all steps have the same rows. */
    private final PerMicroBatch<List<Rows>> rows;

    private static final Rows NONE =
            new Rows(new StepShape(true, List.of(), 0, StepShape.ExpertLoad.NONE), new long[0]);

    /**
     * Rows of one step.
     *
     * @param shape what attention has to do
     * @param ids number of each row: its sequence, or the number of its prompt token among those of all sequences
     */
    record Rows(StepShape shape, long[] ids) {
        int count() {
            return ids.length;
        }
    }

    private Batches(
            boolean prefill, int steps, Shares shares, Function<List<Integer>, List<Rows>> rowsOf) {
        this.prefill = prefill;
        this.rows = shares.sequences().map(rowsOf);
        this.steps = steps > 0
                ? steps
                : rows.groups().stream().flatMap(List::stream).mapToInt(List::size).reduce(1, Math::max);
    }

    /** Decode steps: one row per sequence, all of the same context. */
    static Batches decode(Shares shares, int context, int steps) {
        // Shares of one size have the very same shape, so that its costs are found without a look at it.
        Map<Integer, StepShape> shapes = new HashMap<>();
        return new Batches(false, steps, shares, batch -> decode(
                shapes.computeIfAbsent(batch.size(), rows -> StepShape.decode(rows, context)), batch));
    }

    /** Decode steps: one row per sequence, each with its own context. */
    static Batches decode(Shares shares, int[] contexts, int steps) {
        return new Batches(false, steps, shares, batch -> decode(
                new StepShape(false, pieces(batch, contexts), batch.size(), StepShape.ExpertLoad.NONE), batch));
    }

    private static List<Rows> decode(StepShape shape, List<Integer> batch) {
        return List.of(new Rows(shape, batch.stream().mapToLong(s -> s).toArray()));
    }

    /** Prefill: prompts one after the other, at most {@code chunk} tokens of a group and micro-batch per step. */
    static Batches prefill(Shares shares, int prompt, int chunk) {
        return new Batches(true, 0, shares, batch -> chunks(batch, prompt, chunk));
    }

    Rows of(int group, int microBatch, int step) {
        List<Rows> all = rows.get(group, microBatch);
        return !prefill ? all.getFirst() : step < all.size() ? all.get(step) : NONE;
    }

    /** Whether these steps process prompts. */
    boolean prefill() {
        return prefill;
    }

    int steps() {
        return steps;
    }

    int groups() {
        return rows.size();
    }

    int microBatches() {
        return rows.microBatches();
    }

    /** Neighbours of the same context form one piece: the cost is the same, and more likely to be known already. */
    private static List<StepShape.Piece> pieces(List<Integer> batch, int[] contexts) {
        List<StepShape.Piece> pieces = new ArrayList<>();
        int from = 0;
        for (int i = 1; i <= batch.size(); i++) {
            int context = contexts[batch.get(from)];
            if (i == batch.size() || contexts[batch.get(i)] != context) {
                pieces.add(new StepShape.Piece(i - from, context));
                from = i;
            }
        }
        return pieces;
    }

    private static List<Rows> chunks(List<Integer> batch, int prompt, int chunk) {
        List<Rows> chunks = new ArrayList<>();
        long total = (long) batch.size() * prompt;
        for (long from = 0; from < total; from += chunk) {
            int n = (int) Math.min(chunk, total - from);
            long[] ids = new long[n];
            List<StepShape.Piece> pieces = new ArrayList<>();
            int outputs = 0;
            int done = 0;
            while (done < n) {
                int index = (int) ((from + done) / prompt);
                int position = (int) ((from + done) % prompt);
                int rows = Math.min(prompt - position, n - done);
                pieces.add(new StepShape.Piece(rows, position + rows));
                outputs += position + rows == prompt ? 1 : 0;
                for (int i = 0; i < rows; i++) {
                    ids[done + i] = (long) batch.get(index) * prompt + position + i;
                }
                done += rows;
            }
            chunks.add(new Rows(new StepShape(true, pieces, outputs, StepShape.ExpertLoad.NONE), ids));
        }
        return chunks;
    }
}
