package io.maseparation.parallel.simulate;

import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.layout.PerMicroBatch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/**
 * Which rows each group of ranks has in each step, micro-batch by micro-batch.
 *
 * @param prefill whether these are steps that take prompts in
 * @param steps number of steps
 * @param rows of each step; one entry for all steps where they are alike
 */
record Batches(boolean prefill, int steps, PerMicroBatch<List<Rows>> rows) {

    /**
     * Rows of one step.
     *
     * @param shape what attention has to do
     * @param ids number of each row: its sequence, or its prompt token over all sequences
     */
    record Rows(StepShape shape, long[] ids) {
        int count() {
            return ids.length;
        }
    }

    Rows of(int group, int microBatch, int step) {
        List<Rows> all = rows.get(group, microBatch);
        return all.get(all.size() == 1 ? 0 : step);
    }

    int groups() {
        return rows.size();
    }

    int microBatches() {
        return rows.microBatches();
    }

    /** Decode steps: one row a sequence, all of the same context. */
    static Batches decode(PerMicroBatch<List<Integer>> sequences, int context, int steps) {
        return decode(sequences, steps, batch -> StepShape.decode(batch.size(), context));
    }

    /** Decode steps: one row a sequence, each with its own context. */
    static Batches decode(PerMicroBatch<List<Integer>> sequences, int[] contexts, int steps) {
        return decode(sequences, steps,
                batch -> new StepShape(false, pieces(batch, contexts), batch.size(), StepShape.ExpertLoad.NONE));
    }

    private static Batches decode(
            PerMicroBatch<List<Integer>> sequences, int steps, Function<List<Integer>, StepShape> shape) {
        return new Batches(false, steps, sequences.map(batch -> List.of(
                new Rows(shape.apply(batch), batch.stream().mapToLong(s -> s).toArray()))));
    }

    /** Neighbours of the same context are one piece: they cost as much, and are found faster among costs known already. */
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

    /** Prefill: prompts one after the other, at most {@code chunk} tokens of a group and micro-batch a step. */
    static Batches prefill(PerMicroBatch<List<Integer>> sequences, int prompt, int chunk) {
        PerMicroBatch<List<Rows>> rows = sequences.map(batch -> chunks(batch, prompt, chunk));
        int steps = Math.max(1, rows.groups().stream().flatMap(List::stream).mapToInt(List::size).max().orElse(1));
        Rows none = new Rows(new StepShape(true, List.of(), 0, StepShape.ExpertLoad.NONE), new long[0]);
        rows.groups().stream().flatMap(List::stream)
                .forEach(batch -> batch.addAll(Collections.nCopies(steps - batch.size(), none)));
        return new Batches(true, steps, rows);
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
