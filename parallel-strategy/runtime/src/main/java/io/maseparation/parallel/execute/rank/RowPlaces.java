package io.maseparation.parallel.execute.rank;

import io.maseparation.kernels.KvCache;
import io.maseparation.moe.segments.RankBuffers;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Tells a rank's device where the rows of a step are. What stands there from the rows before is not written again: with
 * one micro-batch the tables of blocks are the same from one step to the next but every 64th.
 */
final class RowPlaces {
    private final RankBuffers.Inputs inputs;
    private final Slots slots;
    private @Nullable KvTable[] tables = new KvTable[16];
    private int[] counts = new int[16];
    private int written;
    private int capacity = -1;
    private int firstAngles;

    RowPlaces(RankBuffers.Inputs inputs, Slots slots) {
        this.inputs = inputs;
        this.slots = slots;
    }

    /** Lays out the rows of a micro-batch. */
    void layOut(Batch batch, MicroBatch microBatch) {
        inputs.step().setAll(0, batch.firstRow(), batch.rows(), batch.promptRows());
        boolean same = true;
        int entry = 0;
        int number = 0;
        for (int i = 0; i < batch.rows(); number++) {
            // Rows of one sequence are neighbours, in the order of their positions.
            int sequence = batch.sequences()[i];
            KvTable table = slots.get(sequence).table();
            int angles = firstAngles(table.capacity());
            int last = 0;
            for (; i < batch.rows() && batch.sequences()[i] == sequence; i++) {
                int row = batch.firstRow() + i;
                int token = batch.tokens()[i];
                last = batch.positions()[i];
                inputs.tokens().set(row, token >= 0 ? token : microBatch.lastToken(sequence));
                inputs.place(row, last, entry, angles);
            }
            int count = KvCache.blocks(last + 1);
            same = same && number < written && tables[number] == table && counts[number] == count;
            if (!same) {
                write(number, table, count, entry);
            }
            entry += count;
        }
        // Where some were written, what stood behind them may be no more.
        written = same ? written : number;
    }

    private void write(int number, KvTable table, int count, int entry) {
        for (int block = 0; block < count; block++) {
            inputs.setBlock(entry + block, table.block(block));
        }
        if (number == tables.length) {
            tables = Arrays.copyOf(tables, 2 * number);
            counts = Arrays.copyOf(counts, 2 * number);
        }
        tables[number] = table;
        counts[number] = count;
    }

    private int firstAngles(int positions) {
        if (positions != capacity) {
            firstAngles = inputs.rope().firstRow(positions);
            capacity = positions;
        }
        return firstAngles;
    }
}
