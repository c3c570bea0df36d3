package io.maseparation.parallel.layout;

/**
 * How a batch goes through a layout.
 *
 * @param microBatches parts of the batch in flight at once
 * @param schedule what a rank does while a micro-batch waits
 */
public record Batching(int microBatches, Schedule schedule) {
    /** Name of the number of micro-batches in files and messages. */
    public static final String MICRO_BATCHES = "micro_batches";
}
