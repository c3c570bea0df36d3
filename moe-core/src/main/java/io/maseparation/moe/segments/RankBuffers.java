package io.maseparation.moe.segments;

import java.util.HashMap;
import java.util.Map;

/**
 * What a rank's host side reads and writes around its segments. A row is one token of one sequence in one step;
 * micro-batches are disjoint ranges of rows. Buffers that the rank's shard has no use for have length 1.
 *
 * @param step [3]: first row, number of rows, phase (0 decode, 1 prefill)
 * @param tokens [rows]: token of each row
 * @param rowInfo [rows, 3]: position, first cache position of the sequence, capacity of the sequence
 * @param x [rows, hidden]: residual stream, after a segment that stores it
 * @param received [rows, hidden]: residual stream received from the stage before
 * @param h [rows, hidden]: normed activations, the experts' input
 * @param partial [rows, hidden]: a partial sum before, the full sum after, an all-reduce
 * @param sums [rows, 2]: sums of squares of queries and keys, likewise
 * @param slots expert slots of the rank's own rows, by number of slots a row
 * @param receivedStep [3]: as step, of the rows received for the experts
 * @param receivedX [receivedRows, hidden]: rows received for the experts
 * @param receivedIds [receivedRows, slots]: their experts; -1 where the expert is on another rank
 * @param receivedOut [receivedRows, slots, hidden]: outputs of the experts for received rows
 * @param outputStep [3]: as step, over outputRows
 * @param outputRows [outputRows]: row of each output
 * @param logits [outputRows, vocabulary of the rank], once fetched
 * @param best [outputRows]: index of the largest logit, relative to the rank's part of the vocabulary
 */
public record RankBuffers(
        HostInts step,
        HostInts tokens,
        HostInts rowInfo,
        HostFloats x,
        HostFloats received,
        HostFloats h,
        HostFloats partial,
        HostFloats sums,
        Map<Integer, Slots> slots,
        HostInts receivedStep,
        HostFloats receivedX,
        HostInts receivedIds,
        HostFloats receivedOut,
        HostInts outputStep,
        HostInts outputRows,
        HostFloats logits,
        HostInts best) {

    /**
     * What belongs to the expert slots of the rank's own rows.
     *
     * @param ids [rows, slots]: expert of each slot
     * @param expertOut [rows, slots, hidden]: outputs of the experts
     */
    public record Slots(HostInts ids, HostFloats expertOut) {}

    private static Map<Integer, Slots> slots(RankArrays a) {
        Map<Integer, Slots> slots = new HashMap<>();
        a.slots.forEach((n, s) -> slots.put(n, new Slots(new HostInts(s.ids()), new HostFloats(s.expertOut()))));
        return slots;
    }

    static RankBuffers of(RankArrays a) {
        return new RankBuffers(
                new HostInts(a.step),
                new HostInts(a.tokens),
                new HostInts(a.rowInfo),
                new HostFloats(a.x),
                new HostFloats(a.received),
                new HostFloats(a.h),
                new HostFloats(a.partial),
                new HostFloats(a.sums),
                slots(a),
                new HostInts(a.receivedStep),
                new HostFloats(a.receivedX),
                new HostInts(a.receivedIds),
                new HostFloats(a.receivedOut),
                new HostInts(a.outputStep),
                new HostInts(a.outputRows),
                new HostFloats(a.logits),
                new HostInts(a.best));
    }
}
