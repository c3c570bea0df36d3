package io.maseparation.kernels.host;

import java.lang.foreign.MemorySegment;

/**
 * The inner loops of {@link HostDots} for one format of weights. Each format has a class of its own, so that the JVM
 * compiles its loops by themselves: as branches of the same methods three formats in one process cost each other
 * half of their speed.
 *
 * <p>Positions of weights are in bytes; {@code n} columns are whole vectors. The sums of an output and an activation
 * row are one vector of partial sums each: lane i of it adds the columns i, i + LANES, i + 2 LANES, … in this order.
 */
sealed interface WeightDots permits FloatDots, HalfDots, BrainDots {
    /**
     * Four outputs for one activation row.
     *
     * @param x memory of the activations, fp32
     * @param x0 position of the row in {@code x}, in bytes
     * @param lanes receives the partial sums, [4, LANES]
     */
    void one(
            MemorySegment w, long w0, long w1, long w2, long w3, MemorySegment x, long x0, int n, float[] lanes);

    /**
     * Four outputs for four activation rows.
     *
     * @param x activations, [columns / LANES, 4, LANES]
     * @param lanes receives the partial sums, [4, 4, LANES]
     */
    void four(MemorySegment w, long w0, long w1, long w2, long w3, float[] x, int n, float[] lanes);

    /**
     * Two outputs for eight activation rows.
     *
     * @param x activations, [columns / LANES, 8, LANES]
     * @param lanes receives the partial sums, [2, 8, LANES]
     */
    void eight(MemorySegment w, long w0, long w1, float[] x, int n, float[] lanes);

    /** Converts {@code n} elements of a row to fp32, to {@code out} from the byte {@code outAt} on. */
    void unpack(MemorySegment w, long w0, int n, MemorySegment out, long outAt);
}
