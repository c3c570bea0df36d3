package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.layout.PerMicroBatch;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.StepRows;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** Cuts a workload into steps: prompts in chunks, then one token per sequence and step. */
public final class StepSchedule {
    private final Workload workload;
    private final PerMicroBatch<List<Integer>> sequences;
    private final StepRows rows;

    /**
     * The steps of a workload.
     *
     * @param workload what to generate
     * @param shares where the sequences live
     * @param rows most rows of a step
     */
    public StepSchedule(Workload workload, Shares shares, StepRows rows) {
        this.workload = workload;
        this.rows = rows;
        sequences = shares.sequences();
    }

    /**
     * {@return most rows of any step of the workload}
     *
     * @param workload what to generate
     * @param shares where the sequences live
     */
    public static StepRows rows(Workload workload, Shares shares) {
        int[] promptTokens = workload.prompts().stream().mapToInt(prompt -> prompt.length).toArray();
        return new StepRows(shares, promptTokens, workload.prefillChunk());
    }

    /** {@return steps that take the prompts in} The last row of each prompt yields its first token. */
    public List<Step> prefill() {
        PerMicroBatch<List<Batch>> chunks = each(this::chunks);
        int steps = chunks.groups().stream().flatMap(List::stream).mapToInt(List::size).max().orElse(0);
        return IntStream.range(0, steps)
                .mapToObj(i -> new Step(true, each((group, m) -> {
                    List<Batch> cut = chunks.get(group, m);
                    return i < cut.size() ? cut.get(i) : batch(group, m, new int[0], new int[0], new int[0]);
                })))
                .toList();
    }

    private <T> PerMicroBatch<T> each(PerMicroBatch.Maker<T> maker) {
        return PerMicroBatch.of(sequences.size(), sequences.microBatches(), maker);
    }

    private List<Batch> chunks(int group, int m) {
        List<int[]> rows = new ArrayList<>();
        for (int sequence : sequences.get(group, m)) {
            int[] prompt = workload.prompts().get(sequence);
            for (int position = 0; position < prompt.length; position++) {
                rows.add(new int[] {sequence, workload.depth() + position, prompt[position]});
            }
        }
        List<Batch> cut = new ArrayList<>();
        for (int from = 0; from < rows.size(); from += workload.prefillChunk()) {
            List<int[]> chunk = rows.subList(from, Math.min(rows.size(), from + workload.prefillChunk()));
            cut.add(batch(group, m, column(chunk, 0), column(chunk, 1), column(chunk, 2)));
        }
        return cut;
    }

    private static int[] column(List<int[]> rows, int index) {
        return rows.stream().mapToInt(r -> r[index]).toArray();
    }

    private Batch batch(int group, int m, int[] sequences, int[] positions, int[] tokens) {
        int[] outputs = IntStream.range(0, sequences.length)
                .filter(i -> positions[i] >= workload.depth() + workload.prompts().get(sequences[i]).length - 1)
                .toArray();
        return new Batch(rows.firstRow(group, m), sequences, positions, tokens, outputs);
    }

    /**
     * {@return one decode step}
     *
     * @param index 0 for the step that follows the prompts
     * @param active sequences that take part
     */
    public Step decode(int index, IntPredicate active) {
        return new Step(false, each((group, m) -> {
            int[] rows = sequences.get(group, m).stream()
                    .mapToInt(s -> s)
                    .filter(active)
                    .toArray();
            int[] positions = new int[rows.length];
            int[] tokens = new int[rows.length];
            for (int i = 0; i < rows.length; i++) {
                positions[i] = workload.depth() + workload.prompts().get(rows[i]).length + index;
                tokens[i] = -1;
            }
            return batch(group, m, rows, positions, tokens);
        }));
    }
}
