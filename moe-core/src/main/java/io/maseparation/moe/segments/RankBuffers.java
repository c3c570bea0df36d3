package io.maseparation.moe.segments;

import io.maseparation.kernels.KvCache;
import io.maseparation.moe.RopeTable;
import java.util.HashMap;
import java.util.Map;

/**
 * What a rank's host side reads and writes around its segments. A row is one token of one sequence in one step;
 * micro-batches are disjoint ranges of rows. Buffers that the rank's shard has no use for have length 1.
 *
 * @param inputs what the next segment works on
 * @param activations of the rank's own rows
 * @param choices by layer, [rows, slots]: the expert of each slot of the rank's own rows. Where rows meet their experts
 *     on the rank itself it stays until the next step, elsewhere until the next segment with a router
 * @param slots expert slots of the rank's own rows, by number of slots per row
 * @param received rows of other ranks for the rank's experts
 * @param outputs logits and what they are computed for
 */
public record RankBuffers(
        Inputs inputs, Activations activations, Map<Integer, HostInts> choices, Map<Integer, Slots> slots,
        Received received, Outputs outputs) {

    /**
     * The rows that a segment works on.
     *
     * @param step [3]: first row, number of rows, how many of them are rows of prompts; those come first
     * @param tokens [rows]: token of each row
     * @param rowInfo where rows and the blocks of their sequences are, as {@link KvCache} says
     * @param rope the rotary table
     */
    public record Inputs(HostInts step, HostInts tokens, HostInts rowInfo, RopeTable rope) {
        /**
         * Says where a row is in its sequence, and where that is in the cache.
         *
         * @param row index of the row
         * @param position index of the token in its sequence
         * @param table where the sequence's table of blocks begins, among the tables of all sequences
         * @param firstAngles row of the rotary table for the sequence's first position ({@link RopeTable#firstRow})
         */
        public void place(int row, int position, int table, int firstAngles) {
            rowInfo.set(3 * row, position);
            rowInfo.set(3 * row + 1, 3 * tokens.size() + table);
            rowInfo.set(3 * row + 2, firstAngles + position);
        }

        /**
         * Says which block of the cache holds positions of a sequence. Until that is called, entry i is block i.
         *
         * @param entry index among the tables of all sequences
         * @param block index of the block
         */
        public void setBlock(int entry, int block) {
            rowInfo.set(3 * tokens.size() + entry, block);
        }
    }

    /**
     * Activations that ranks exchange.
     *
     * @param x [rows, hidden]: residual stream, after a segment that stores it
     * @param received [rows, hidden]: residual stream received from the stage before
     * @param h [rows, hidden]: normed activations, the experts' input
     * @param partial [rows, hidden]: a partial sum before, the full sum after, an all-reduce, or the sum of what expert
     *     ranks summed; where heads are not split it is {@code h}
     * @param sums [rows, 2]: sums of squares of queries and keys, likewise
     */
    public record Activations(HostFloats x, HostFloats received, HostFloats h, HostFloats partial, HostFloats sums) {}

    /**
     * What belongs to the expert slots of the rank's own rows.
     *
     * @param weights [rows, slots]: weight of each slot, after a segment that exports it
     * @param expertOut [rows, slots, hidden]: outputs of the experts
     */
    public record Slots(HostFloats weights, HostFloats expertOut) {}

    /**
     * Rows received for the rank's experts.
     *
     * @param step [3]: as {@link Inputs#step}, of the rows received
     * @param x [receivedRows, hidden]: the rows; after a segment that sums their experts, the sums
     * @param ids [receivedRows, slots]: their experts; -1 where the expert is on another rank
     * @param weights [receivedRows, slots]: the weights of these experts, where they are summed
     * @param out [receivedRows, slots, hidden]: outputs of the experts
     */
    public record Received(HostInts step, HostFloats x, HostInts ids, HostFloats weights, HostFloats out) {}

    /**
     * Logits.
     *
     * @param step [3]: as {@link Inputs#step}, over the rows that need logits
     * @param rows [outputRows]: row of each output
     * @param logits [outputRows, vocabulary of the rank], once fetched
     * @param best [outputRows]: index of the largest logit, relative to the rank's part of the vocabulary
     */
    public record Outputs(HostInts step, HostInts rows, HostFloats logits, HostInts best) {}

    static RankBuffers of(RankArrays a, RopeTable rope) {
        Map<Integer, Slots> slots = new HashMap<>();
        a.slots.forEach((n, s) -> slots.put(
                n, new Slots(new HostFloats(s.weights()), new HostFloats(s.expertOut()))));
        return new RankBuffers(
                new Inputs(new HostInts(a.step), new HostInts(a.tokens), new HostInts(a.rowInfo), rope),
                new Activations(
                        new HostFloats(a.x), new HostFloats(a.received), new HostFloats(a.h),
                        new HostFloats(a.partial), new HostFloats(a.sums)),
                a.choices,
                slots,
                new Received(
                        new HostInts(a.receivedStep), new HostFloats(a.receivedX), new HostInts(a.receivedIds),
                        new HostFloats(a.receivedWeights), new HostFloats(a.receivedOut)),
                new Outputs(
                        new HostInts(a.outputStep), new HostInts(a.outputRows), new HostFloats(a.logits),
                        new HostInts(a.best)));
    }
}
