package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.StepRows;
import io.maseparation.parallel.run.Workload;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What a deployment has room for: its buffers are sized by it once.
 *
 * @param rows most rows of a step
 * @param groupPositions for each group the positions of its KV cache
 * @param contexts positions of the sequences that may come: the most there are, and each that has angles of its own
 */
public record Room(StepRows rows, int[] groupPositions, List<Integer> contexts) {
    /** Copies the list. */
    public Room {
        contexts = List.copyOf(contexts);
    }

    /**
     * {@return room for the whole of a workload}
     *
     * @param workload what is generated
     * @param shares where the sequences live
     */
    public static Room of(Workload workload, Shares shares) {
        int[] promptTokens = workload.prompts().stream().mapToInt(prompt -> prompt.length).toArray();
        return of(shares, new StepRows(shares, promptTokens, workload.prefillChunk()));
    }

    /**
     * {@return room for decode steps}
     *
     * @param shares where the sequences live
     */
    public static Room decode(Shares shares) {
        return of(shares, StepRows.decode(shares));
    }

    private static Room of(Shares shares, StepRows rows) {
        List<Integer> contexts = Arrays.stream(shares.capacity()).distinct().boxed().toList();
        return new Room(rows, shares.groupPositions(), contexts);
    }

    /**
     * {@return the shares of a workload's sequences}
     *
     * @param plan the plan
     * @param workload what is generated
     */
    public static Shares shares(Plan plan, Workload workload) {
        return Shares.of(plan, IntStream.range(0, workload.prompts().size()).map(workload::positions).toArray());
    }
}
