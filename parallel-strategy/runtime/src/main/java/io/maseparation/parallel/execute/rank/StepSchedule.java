package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.StepRows;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/** Cuts a workload into steps: prompts in chunks, then one token a sequence and step. */
public final class StepSchedule {
    private final Workload workload;
    private final Shares shares;
    private final int groups;
    private final int microBatches;
    private final StepRows rows;

    /** @param rows most rows of a step */
    public StepSchedule(Workload workload, Shares shares, StepRows rows) {
        this.workload = workload;
        this.shares = shares;
        this.rows = rows;
        groups = shares.sequences().size();
        microBatches = shares.sequences().getFirst().size();
    }

    /** Most rows of any step of the workload. */
    public static StepRows rows(Workload workload, Shares shares) {
        int[] promptTokens = workload.prompts().stream().mapToInt(prompt -> prompt.length).toArray();
        return StepRows.prefillAndDecode(shares, promptTokens, workload.prefillChunk());
    }

    private List<Integer> sequences(int group, int m) {
        return shares.sequences().get(group).get(m);
    }

    /** Steps that take the prompts in. The last row of each prompt yields its first token. */
    public List<Step> prefill() {
        List<List<List<Batch>>> chunks = new ArrayList<>();
        int steps = 0;
        for (int group = 0; group < groups; group++) {
            List<List<Batch>> ofGroup = new ArrayList<>();
            for (int m = 0; m < microBatches; m++) {
                List<Batch> cut = chunks(group, m);
                steps = Math.max(steps, cut.size());
                ofGroup.add(cut);
            }
            chunks.add(ofGroup);
        }
        List<Step> result = new ArrayList<>();
        for (int i = 0; i < steps; i++) {
            int index = i;
            List<List<Batch>> batches = new ArrayList<>();
            for (int group = 0; group < groups; group++) {
                List<Batch> ofGroup = new ArrayList<>();
                for (int m = 0; m < microBatches; m++) {
                    List<Batch> cut = chunks.get(group).get(m);
                    ofGroup.add(
                            index < cut.size() ? cut.get(index) : batch(group, m, new int[0], new int[0], new int[0]));
                }
                batches.add(ofGroup);
            }
            result.add(new Step(true, batches));
        }
        return result;
    }

    private List<Batch> chunks(int group, int m) {
        List<int[]> rows = new ArrayList<>();
        for (int sequence : sequences(group, m)) {
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
        int[] outputs = java.util.stream.IntStream.range(0, sequences.length)
                .filter(i -> positions[i] >= workload.depth() + workload.prompts().get(sequences[i]).length - 1)
                .toArray();
        return new Batch(rows.firstRow(group, m), sequences, positions, tokens, outputs);
    }

    /**
     * One decode step.
     *
     * @param index 0 for the step that follows the prompts
     * @param active sequences that take part
     */
    public Step decode(int index, IntPredicate active) {
        List<List<Batch>> batches = new ArrayList<>();
        for (int group = 0; group < groups; group++) {
            List<Batch> ofGroup = new ArrayList<>();
            for (int m = 0; m < microBatches; m++) {
                int[] rows = sequences(group, m).stream()
                        .mapToInt(s -> s)
                        .filter(active)
                        .toArray();
                int[] positions = new int[rows.length];
                int[] tokens = new int[rows.length];
                for (int i = 0; i < rows.length; i++) {
                    positions[i] = workload.depth() + workload.prompts().get(rows[i]).length + index;
                    tokens[i] = -1;
                }
                ofGroup.add(batch(group, m, rows, positions, tokens));
            }
            batches.add(ofGroup);
        }
        return new Step(false, batches);
    }
}
