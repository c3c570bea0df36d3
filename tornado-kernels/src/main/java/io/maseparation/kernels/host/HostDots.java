package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.HostWeights.FLOATS;
import static io.maseparation.kernels.host.HostWeights.LANES;
import static io.maseparation.kernels.host.HostWeights.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Dot products of weight rows with activation rows, for one thread of a host body, which keeps the memory that they
 * work in between calls.
 *
 * <p>Every dot product is summed in one order, which only the number of columns decides: lane i of one vector adds
 * columns i, i + LANES, i + 2 LANES, … with fused multiply-adds, a short last vector filled up with zeros, and then the
 * lanes are added in halves. One activation row alone and many of them together take different loops but that same
 * order, so that a batch never changes a result.
 */
final class HostDots {
    /** Most outputs of one call of {@link #block}; the stride of its result. */
    static final int OUTPUTS = 48;
    /** Most activation rows of one call of {@link #block}. */
    static final int ROWS = 96;

    /** Outputs computed together. Four chains of multiply-adds hide their latency. */
    private static final int GROUP = 4;
    /** Up to this many activation rows, weights are read straight from memory and converted in registers. */
    private static final int FEW = 8;

    /** Pieces of work that each core shall find at least. */
    private static final long PIECES = 3;

    private static final ThreadLocal<HostDots> LOCAL = ThreadLocal.withInitial(HostDots::new);

    private final float[] lanes = new float[(2 * FEW + 1) * LANES];
    /** Rows of activations as the loops for few rows read them. */
    private float[] packed = {};
    /** Which rows these are: they stay while a host body goes through its outputs. */
    private long @Nullable [] packedAt;
    private int packedFrom;
    private int packedTo;
    /** Made when it is needed. */
    private @Nullable HostTiles tiles;

    private HostDots() {}

    /** {@return this thread's, for activations that do not change while it is in use} */
    static HostDots get() {
        HostDots dots = LOCAL.get();
        dots.packedAt = null;
        return dots;
    }

    /**
     * Dot products of up to {@link #OUTPUTS} weight rows with up to {@link #ROWS} activation rows.
     *
     * @param w weights, [outputs, cols]
     * @param from first weight row
     * @param to end of the weight rows
     * @param x fp32 activations
     * @param xAt position of each activation row in {@code x}, in bytes; another array for other activations
     * @param rowFrom first entry of {@code xAt}
     * @param rowTo end of the entries of {@code xAt}
     * @param sums receives the product of weight row o and activation row r at
     *     {@code (r - rowFrom) * OUTPUTS + o - from}
     */
    void block(
            HostWeights w, int from, int to, MemorySegment x, long[] xAt, int rowFrom, int rowTo, float[] sums) {
        if (rowTo - rowFrom == 1) {
            oneRow(w, from, to, x, xAt[rowFrom], sums);
        } else if (rowTo - rowFrom <= FEW) {
            fewRows(w, from, to, x, xAt, rowFrom, rowTo, sums);
        } else {
            // Weights are converted once, and then serve every activation row.
            if (tiles == null) {
                tiles = new HostTiles();
            }
            tiles.block(w, from, to, x, xAt, rowFrom, rowTo, sums);
        }
    }

    /**
     * {@return how many outputs make a piece of work} With many activation rows as many as leave some pieces for each
     * core, since each piece is a pass over those rows; with few rows, few.
     *
     * @param rows activation rows of a piece
     * @param outputs of all pieces
     */
    static int outputs(int rows, long outputs) {
        int least = OUTPUTS / 3;
        if (rows <= FEW) {
            return least;
        }
        long most = outputs / (PIECES * HostThreads.CORES) / least * least;
        return Math.clamp(most, least, OUTPUTS);
    }

    /** Weights are read once, straight from memory. */
    private void oneRow(HostWeights w, int from, int to, MemorySegment x, long x0, float[] sums) {
        int cols = w.cols();
        int whole = FLOATS.loopBound(cols);
        for (int o = from; o < to; o += GROUP) {
            // A short last group computes its last output again.
            long w0 = w.byteOffset(o);
            long w1 = w.byteOffset(Math.min(o + 1, to - 1));
            long w2 = w.byteOffset(Math.min(o + 2, to - 1));
            long w3 = w.byteOffset(Math.min(o + 3, to - 1));
            w.loops().one(w.segment(), w0, w1, w2, w3, x, x0, whole, lanes);
            if (whole < cols) {
                FloatVector xv = FloatVector.fromMemorySegment(
                        FLOATS, x, x0 + 4L * whole, ORDER, HostWeights.floatsBelow(cols - whole));
                long done = (long) whole * w.type().bytes();
                addTail(w.tail(w0 + done, cols - whole), xv, 0);
                addTail(w.tail(w1 + done, cols - whole), xv, 1);
                addTail(w.tail(w2 + done, cols - whole), xv, 2);
                addTail(w.tail(w3 + done, cols - whole), xv, 3);
            }
            HostVectors.sums(lanes, 0, Math.min(GROUP, to - o), sums, o - from, 1);
        }
    }

    private void addTail(FloatVector wv, FloatVector xv, int i) {
        FloatVector sum = FloatVector.fromArray(FLOATS, lanes, i * LANES);
        wv.fma(xv, sum).intoArray(lanes, i * LANES);
    }

    /** Four activation rows and four outputs at a time, or eight and two; missing rows are copies of the last. */
    private void fewRows(
            HostWeights w, int from, int to, MemorySegment x, long[] xAt, int rowFrom, int rowTo, float[] sums) {
        int rows = rowTo - rowFrom;
        int width = rows <= FEW / 2 ? FEW / 2 : FEW;
        int group = 2 * FEW / width;
        int cols = w.cols();
        int whole = FLOATS.loopBound(cols);
        pack(x, xAt, rowFrom, rowTo, width, cols);
        for (int o = from; o < to; o += group) {
            // A short last group computes its last output again.
            long w0 = w.byteOffset(o);
            long w1 = w.byteOffset(Math.min(o + 1, to - 1));
            if (width == FEW) {
                w.loops().eight(w.segment(), w0, w1, packed, whole, lanes);
            } else {
                long w2 = w.byteOffset(Math.min(o + 2, to - 1));
                long w3 = w.byteOffset(Math.min(o + 3, to - 1));
                w.loops().four(w.segment(), w0, w1, w2, w3, packed, whole, lanes);
            }
            for (int i = 0; i < group && o + i < to; i++) {
                if (whole < cols) {
                    FloatVector tail =
                            w.tail(w.byteOffset(o + i) + (long) whole * w.type().bytes(), cols - whole);
                    for (int r = 0; r < rows; r++) {
                        FloatVector xv = FloatVector.fromArray(FLOATS, packed, whole * width + r * LANES);
                        addTail(tail, xv, i * width + r);
                    }
                }
                HostVectors.sums(lanes, i * width * LANES, rows, sums, o + i - from, OUTPUTS);
            }
        }
    }

    /** Writes activation rows to {@link #packed} as [cols / LANES, width, LANES], unless the last call did. */
    @SuppressWarnings("ReferenceEquality") // The same array is what says that these are the same rows.
    private void pack(MemorySegment x, long[] xAt, int rowFrom, int rowTo, int width, int cols) {
        if (xAt == packedAt && rowFrom == packedFrom && rowTo == packedTo) {
            return;
        }
        int whole = FLOATS.loopBound(cols);
        int size = width * Math.ceilDiv(cols, LANES) * LANES;
        if (packed.length < size) {
            packed = new float[size];
        }
        for (int r = 0; r < width; r++) {
            long x0 = xAt[Math.min(rowFrom + r, rowTo - 1)];
            for (int k = 0; k < whole; k += LANES) {
                FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * k, ORDER)
                        .intoArray(packed, k * width + r * LANES);
            }
            if (whole < cols) {
                FloatVector.fromMemorySegment(
                        FLOATS, x, x0 + 4L * whole, ORDER, HostWeights.floatsBelow(cols - whole))
                        .intoArray(packed, whole * width + r * LANES);
            }
        }
        packedAt = xAt;
        packedFrom = rowFrom;
        packedTo = rowTo;
    }
}
