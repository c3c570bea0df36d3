package io.maseparation.kernels.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Working memory of one thread for host attention, kept between calls. All of it is native, so that the same compiled
 * loops read the cache and the scratch.
 */
final class AttentionScratch {
    private static final ThreadLocal<AttentionScratch> LOCAL = ThreadLocal.withInitial(AttentionScratch::new);

    /** Queries, [rows, padded]. */
    MemorySegment queries = MemorySegment.NULL;
    /** Scores, then probabilities, [rows, TILE]. */
    MemorySegment scores = MemorySegment.NULL;
    /** Weighted values of one tile, [rows, padded]. */
    MemorySegment part = MemorySegment.NULL;
    /** Weighted values so far, [rows, padded]. */
    MemorySegment sums = MemorySegment.NULL;
    /** Keys of a tile: [TILE, padded], or [padded, TILE] when transposed. */
    MemorySegment keys = MemorySegment.NULL;
    /** Values of a tile, [TILE, padded]. */
    MemorySegment values = MemorySegment.NULL;
    /** Results of context blocks waiting to be merged; used by the calling thread only. */
    private MemorySegment blocks = MemorySegment.NULL;

    /** What was read of tiles before their turn. It is kept so that the reads are made. */
    long touched;
    /** Partial sums of a tile's scores, [TILE, LANES]. */
    final float[] lanes = new float[AttentionTile.TILE * HostVectors.LANES];
    /** Highest score of each row so far. */
    float[] highest = new float[0];
    /** Sum of exponentials of each row so far. */
    float[] total = new float[0];
    /** First position that each row sees. */
    int[] low = new int[0];
    /** Position after the last that each row sees. */
    int[] high = new int[0];

    /** Correction of each of four rows, from softmax to sum. */
    final float[] correction = new float[4];

    private AttentionScratch() {}

    /** This thread's scratch, large enough for this many rows and padded columns. */
    static AttentionScratch get(int rows, int padded) {
        AttentionScratch s = LOCAL.get();
        s.queries = grown(s.queries, (long) rows * padded);
        s.scores = grown(s.scores, (long) rows * AttentionTile.TILE);
        s.part = grown(s.part, (long) rows * padded);
        s.sums = grown(s.sums, (long) rows * padded);
        s.keys = grown(s.keys, (long) AttentionTile.TILE * padded);
        s.values = grown(s.values, (long) AttentionTile.TILE * padded);
        if (s.highest.length < rows) {
            s.highest = new float[rows];
            s.total = new float[rows];
            s.low = new int[rows];
            s.high = new int[rows];
        }
        return s;
    }

    /** This thread's memory for {@code floats} floats of block results. */
    static MemorySegment blocks(long floats) {
        AttentionScratch s = LOCAL.get();
        s.blocks = grown(s.blocks, floats);
        return s.blocks;
    }

    private static MemorySegment grown(MemorySegment segment, long floats) {
        return segment.byteSize() >= 4 * floats ? segment : Arena.ofAuto().allocate(4 * floats, 64);
    }
}
