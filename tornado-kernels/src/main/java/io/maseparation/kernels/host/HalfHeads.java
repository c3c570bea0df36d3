package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.HalfDots.LEAST;
import static io.maseparation.kernels.host.HalfDots.MAGNITUDE;
import static io.maseparation.kernels.host.HalfDots.REBIAS;
import static io.maseparation.kernels.host.HalfDots.SIGN;
import static io.maseparation.kernels.host.HalfDots.TOP;
import static io.maseparation.kernels.host.HalfDots.TWICE;
import static io.maseparation.kernels.host.HostVectors.FLOAT;
import static io.maseparation.kernels.host.HostWeights.FLOATS;
import static io.maseparation.kernels.host.HostWeights.INTS;
import static io.maseparation.kernels.host.HostWeights.LANES;
import static io.maseparation.kernels.host.HostWeights.ORDER;
import static io.maseparation.kernels.host.HostWeights.SHORTS;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops of {@link AttentionTile} over an fp16 cache for heads of eight vectors, 128 columns with AVX-512, and one
 * query head, which read the cache where it lies: every element sees the same operations as if a tile had been
 * converted first. Widening is written out, as in {@link HalfDots} and for its reasons. With a number of columns that
 * the compiler knows it takes the checks of positions out of the loops.
 *
 * <p>Blocks of a cache lie apart, and a processor takes a while to see that a new one is read in order. So each loop
 * also reads what the next one will need, a word of each line.
 */
final class HalfHeads {
    /** Columns of such a head. */
    static final int COLUMNS = 8 * LANES;

    /** Bytes of a position. */
    private static final long STRIDE = 2L * COLUMNS;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    /** A line of the cache where a vector is 64 bytes, less elsewhere. */
    private static final long LINE = STRIDE / 4;

    private HalfHeads() {}

    /**
     * Partial sums of a query with the keys of the positions [from, to) of a tile.
     *
     * @param q where the query begins, in bytes
     * @param keysAt where the tile's keys begin, in bytes
     * @param ahead what is read next, at as many positions
     * @param aheadAt where that begins, in bytes
     * @param lanes receives them, [TILE, LANES]
     * @return something that depends on what was read ahead
     */
    static long score(
            MemorySegment queries,
            long q,
            MemorySegment keys,
            long keysAt,
            MemorySegment ahead,
            long aheadAt,
            float[] lanes,
            int from,
            int to) {
        long touched = 0;
        FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, queries, q, ORDER);
        FloatVector x1 = FloatVector.fromMemorySegment(FLOATS, queries, q + 4L * LANES, ORDER);
        FloatVector x2 = FloatVector.fromMemorySegment(FLOATS, queries, q + 8L * LANES, ORDER);
        FloatVector x3 = FloatVector.fromMemorySegment(FLOATS, queries, q + 12L * LANES, ORDER);
        FloatVector x4 = FloatVector.fromMemorySegment(FLOATS, queries, q + 16L * LANES, ORDER);
        FloatVector x5 = FloatVector.fromMemorySegment(FLOATS, queries, q + 20L * LANES, ORDER);
        FloatVector x6 = FloatVector.fromMemorySegment(FLOATS, queries, q + 24L * LANES, ORDER);
        FloatVector x7 = FloatVector.fromMemorySegment(FLOATS, queries, q + 28L * LANES, ORDER);
        for (int p = from; p < to; p++) {
            long at = keysAt + STRIDE * p;
            long next = aheadAt + STRIDE * p;
            touched += ahead.get(LONG, next);
            touched += ahead.get(LONG, next + LINE);
            touched += ahead.get(LONG, next + 2 * LINE);
            touched += ahead.get(LONG, next + 3 * LINE);
            FloatVector s = FloatVector.zero(FLOATS);
            IntVector b0 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, keys, at, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u0 = b0.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v0 = u0.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u0.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b0.and(SIGN))
                    .reinterpretAsFloats();
            s = x0.fma(v0, s);
            IntVector b1 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, keys, at + 2L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u1 = b1.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v1 = u1.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u1.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b1.and(SIGN))
                    .reinterpretAsFloats();
            s = x1.fma(v1, s);
            IntVector b2 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, keys, at + 4L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u2 = b2.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v2 = u2.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u2.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b2.and(SIGN))
                    .reinterpretAsFloats();
            s = x2.fma(v2, s);
            IntVector b3 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, keys, at + 6L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u3 = b3.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v3 = u3.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u3.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b3.and(SIGN))
                    .reinterpretAsFloats();
            s = x3.fma(v3, s);
            IntVector b4 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, keys, at + 8L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u4 = b4.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v4 = u4.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u4.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b4.and(SIGN))
                    .reinterpretAsFloats();
            s = x4.fma(v4, s);
            IntVector b5 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, keys, at + 10L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u5 = b5.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v5 = u5.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u5.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b5.and(SIGN))
                    .reinterpretAsFloats();
            s = x5.fma(v5, s);
            IntVector b6 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, keys, at + 12L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u6 = b6.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v6 = u6.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u6.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b6.and(SIGN))
                    .reinterpretAsFloats();
            s = x6.fma(v6, s);
            IntVector b7 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, keys, at + 14L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u7 = b7.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v7 = u7.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u7.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b7.and(SIGN))
                    .reinterpretAsFloats();
            s = x7.fma(v7, s);
            s.intoArray(lanes, p * LANES);
        }
        return touched;
    }

    /**
     * Adds the values of the positions [from, to) of a tile to a row, each times its probability.
     *
     * @param probabilities of the tile's positions
     * @param probabilitiesAt where they begin, in bytes
     * @param valuesAt where the tile's values begin, in bytes
     * @param ahead what is read next, at as many positions
     * @param aheadAt where that begins, in bytes
     * @param sumsAt where the row begins, in bytes
     * @return something that depends on what was read ahead
     */
    static long weigh(
            MemorySegment probabilities,
            long probabilitiesAt,
            MemorySegment values,
            long valuesAt,
            MemorySegment ahead,
            long aheadAt,
            MemorySegment sums,
            long sumsAt,
            int from,
            int to) {
        long touched = 0;
        FloatVector c0 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt, ORDER);
        FloatVector c1 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 4L * LANES, ORDER);
        FloatVector c2 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 8L * LANES, ORDER);
        FloatVector c3 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 12L * LANES, ORDER);
        FloatVector c4 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 16L * LANES, ORDER);
        FloatVector c5 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 20L * LANES, ORDER);
        FloatVector c6 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 24L * LANES, ORDER);
        FloatVector c7 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 28L * LANES, ORDER);
        for (int p = from; p < to; p++) {
            FloatVector x = FloatVector.broadcast(FLOATS, probabilities.get(FLOAT, probabilitiesAt + 4L * p));
            long at = valuesAt + STRIDE * p;
            long next = aheadAt + STRIDE * p;
            touched += ahead.get(LONG, next);
            touched += ahead.get(LONG, next + LINE);
            touched += ahead.get(LONG, next + 2 * LINE);
            touched += ahead.get(LONG, next + 3 * LINE);
            IntVector b0 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, values, at, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u0 = b0.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v0 = u0.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u0.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b0.and(SIGN))
                    .reinterpretAsFloats();
            c0 = x.fma(v0, c0);
            IntVector b1 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, values, at + 2L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u1 = b1.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v1 = u1.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u1.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b1.and(SIGN))
                    .reinterpretAsFloats();
            c1 = x.fma(v1, c1);
            IntVector b2 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, values, at + 4L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u2 = b2.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v2 = u2.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u2.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b2.and(SIGN))
                    .reinterpretAsFloats();
            c2 = x.fma(v2, c2);
            IntVector b3 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, values, at + 6L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u3 = b3.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v3 = u3.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u3.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b3.and(SIGN))
                    .reinterpretAsFloats();
            c3 = x.fma(v3, c3);
            IntVector b4 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, values, at + 8L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u4 = b4.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v4 = u4.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u4.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b4.and(SIGN))
                    .reinterpretAsFloats();
            c4 = x.fma(v4, c4);
            IntVector b5 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, values, at + 10L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u5 = b5.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v5 = u5.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u5.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b5.and(SIGN))
                    .reinterpretAsFloats();
            c5 = x.fma(v5, c5);
            IntVector b6 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, values, at + 12L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u6 = b6.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v6 = u6.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u6.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b6.and(SIGN))
                    .reinterpretAsFloats();
            c6 = x.fma(v6, c6);
            IntVector b7 = ((IntVector) ShortVector.fromMemorySegment(SHORTS, values, at + 14L * LANES, ORDER)
                    .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 13);
            FloatVector u7 = b7.or(TOP).and(MAGNITUDE).reinterpretAsFloats();
            FloatVector v7 = u7.mul(REBIAS)
                    .reinterpretAsInts()
                    .min(u7.fma(TWICE, LEAST).reinterpretAsInts())
                    .or(b7.and(SIGN))
                    .reinterpretAsFloats();
            c7 = x.fma(v7, c7);
        }
        c0.intoMemorySegment(sums, sumsAt, ORDER);
        c1.intoMemorySegment(sums, sumsAt + 4L * LANES, ORDER);
        c2.intoMemorySegment(sums, sumsAt + 8L * LANES, ORDER);
        c3.intoMemorySegment(sums, sumsAt + 12L * LANES, ORDER);
        c4.intoMemorySegment(sums, sumsAt + 16L * LANES, ORDER);
        c5.intoMemorySegment(sums, sumsAt + 20L * LANES, ORDER);
        c6.intoMemorySegment(sums, sumsAt + 24L * LANES, ORDER);
        c7.intoMemorySegment(sums, sumsAt + 28L * LANES, ORDER);
        return touched;
    }
}
