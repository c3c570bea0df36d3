package io.maseparation.parallel.layout;

import java.util.Objects;

/**
 * How a batch goes through a layout.
 *
 * @param microBatches parts of the batch in flight at once
 * @param schedule what a rank does while a micro-batch waits
 */
public record Batching(int microBatches, Schedule schedule) {
    /** Name of the number of micro-batches in files and messages. */
    public static final String MICRO_BATCHES = "micro_batches";

    /** Most micro-batches: each is kept by every rank, and looked at whenever one has to wait. */
    public static final int MOST_MICRO_BATCHES = 4096;

    /**
     * Checks what can be checked without a layout.
     *
     * @throws PlanException if there are fewer micro-batches than 1
     */
    public Batching {
        SizeChecks.atLeastOne(MICRO_BATCHES, microBatches);
        Objects.requireNonNull(schedule, "schedule");
    }

    /**
     * {@return a layout's name and, where there are several, micro-batches, such as "ma 3:1, 2 micro-batches"}
     *
     * @param layout the layout's name
     */
    public String after(String layout) {
        return microBatches == 1 ? layout : "%s, %d micro-batches".formatted(layout, microBatches);
    }
}
