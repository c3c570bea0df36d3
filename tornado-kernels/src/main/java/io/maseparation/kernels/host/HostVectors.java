package io.maseparation.kernels.host;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vector pieces that host bodies share.
 *
 * <p>Sums are taken in an order that depends on the length only. {@code reduceLanes(ADD)} is not used anywhere: its
 * order is unspecified and differs between interpreted and compiled code, which would make a result depend on how warm
 * the JVM is. For the same reason exponentials are a polynomial and not {@code lanewise(EXP)}.
 */
final class HostVectors {
    /** The widest shape of at most 16 lanes. */
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED.length() > 16
            ? VectorSpecies.of(float.class, VectorShape.S_512_BIT)
            : FloatVector.SPECIES_PREFERRED;

    /** Lanes of {@link #F}: a power of two. */
    static final int LANES = F.length();

    static final ByteOrder ORDER = ByteOrder.nativeOrder();
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));

    private static final VectorShuffle<Float> ROTATE_8 = rotation(8);
    private static final VectorShuffle<Float> ROTATE_4 = rotation(4);
    private static final VectorShuffle<Float> ROTATE_2 = rotation(2);
    private static final VectorShuffle<Float> ROTATE_1 = rotation(1);

    private static final float LOG2_E = 1.44269504088896341f;
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;
    /** 1.5 · 2^23: adding it rounds to an integer, which is then in the low bits. */
    private static final float ROUNDER = 12582912f;
    /** Below ln(2^-126) the exponential is taken as zero. */
    private static final float EXP_LOWEST = -87.33654f;

    private static final float EXP_HIGHEST = 88.3f;

    private HostVectors() {}

    private static VectorShuffle<Float> rotation(int by) {
        return VectorShuffle.fromOp(F, i -> (i + by) & (LANES - 1));
    }

    static FloatVector load(MemorySegment segment, long byteOffset) {
        return FloatVector.fromMemorySegment(F, segment, byteOffset, ORDER);
    }

    static void store(FloatVector v, MemorySegment segment, long byteOffset) {
        v.intoMemorySegment(segment, byteOffset, ORDER);
    }

    /** As many fp16 numbers as there are lanes, as floats; exact, infinities and NaN included. */
    static FloatVector loadHalves(MemorySegment segment, long byteOffset) {
        return HostWeights.f16(ShortVector.fromMemorySegment(HALVES, segment, byteOffset, ORDER));
    }

    /** Sum of the lanes, as a tree of halves. */
    static float sum(FloatVector v) {
        FloatVector s = v;
        if (LANES >= 16) {
            s = s.add(s.rearrange(ROTATE_8));
        }
        if (LANES >= 8) {
            s = s.add(s.rearrange(ROTATE_4));
        }
        if (LANES >= 4) {
            s = s.add(s.rearrange(ROTATE_2));
        }
        s = s.add(s.rearrange(ROTATE_1));
        return s.lane(0);
    }

    /**
     * Sums of the lanes of several vectors, each the same bits as {@link #sum}: the upper half of what is left is
     * loaded from memory over the lower one. That takes a fifth of the time of moving lanes about in registers.
     *
     * @param vectors the vectors, of which this leaves nothing; there is room for another one behind them
     * @param at index of the first in {@code vectors}; the others follow
     * @param n number of vectors
     * @param sums receives the sums
     * @param sumsAt index of the first in {@code sums}
     * @param stride elements from one to the next in {@code sums}
     */
    static void sums(float[] vectors, int at, int n, float[] sums, int sumsAt, int stride) {
        for (int half = LANES / 2; half > 2; half /= 2) {
            for (int i = 0; i < n; i++) {
                int vector = at + LANES * i;
                FloatVector.fromArray(F, vectors, vector)
                        .add(FloatVector.fromArray(F, vectors, vector + half))
                        .intoArray(vectors, vector);
            }
        }
        for (int i = 0; i < n; i++) {
            int vector = at + LANES * i;
            sums[sumsAt + i * stride] = LANES == 2
                    ? vectors[vector] + vectors[vector + 1]
                    : vectors[vector] + vectors[vector + 2] + (vectors[vector + 1] + vectors[vector + 3]);
        }
    }

    /** Σ a[i]·b[i] of n floats at the byte offsets: four vectors of partial sums, then a tree, then the tail. */
    static float dot(MemorySegment a, long aOffset, MemorySegment b, long bOffset, int n) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int i = 0;
        for (; i <= n - 4 * LANES; i += 4 * LANES) {
            long x = aOffset + 4L * i;
            long y = bOffset + 4L * i;
            s0 = load(a, x).fma(load(b, y), s0);
            s1 = load(a, x + 4L * LANES).fma(load(b, y + 4L * LANES), s1);
            s2 = load(a, x + 8L * LANES).fma(load(b, y + 8L * LANES), s2);
            s3 = load(a, x + 12L * LANES).fma(load(b, y + 12L * LANES), s3);
        }
        for (; i <= n - LANES; i += LANES) {
            s0 = load(a, aOffset + 4L * i).fma(load(b, bOffset + 4L * i), s0);
        }
        float tail = 0;
        for (; i < n; i++) {
            tail = Math.fma(a.get(FLOAT, aOffset + 4L * i), b.get(FLOAT, bOffset + 4L * i), tail);
        }
        return sum(s0.add(s1).add(s2.add(s3))) + tail;
    }

    /**
     * e^x to about one unit in the last place, for x up to 88.3; 0 below the normal range, NaN for NaN, and 1 for 0.
     * Range reduction and polynomial of the Cephes library's expf (S. L. Moshier).
     */
    static FloatVector exp(FloatVector argument) {
        FloatVector x = argument.min(EXP_HIGHEST);
        FloatVector rounded = x.fma(FloatVector.broadcast(F, LOG2_E), FloatVector.broadcast(F, ROUNDER));
        FloatVector n = rounded.sub(ROUNDER);
        FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), x);
        r = n.fma(FloatVector.broadcast(F, -LN2_LOW), r);
        FloatVector p = FloatVector.broadcast(F, 1.9875691500e-4f);
        p = p.fma(r, FloatVector.broadcast(F, 1.3981999507e-3f));
        p = p.fma(r, FloatVector.broadcast(F, 8.3334519073e-3f));
        p = p.fma(r, FloatVector.broadcast(F, 4.1665795894e-2f));
        p = p.fma(r, FloatVector.broadcast(F, 1.6666665459e-1f));
        p = p.fma(r, FloatVector.broadcast(F, 5.0000001201e-1f));
        p = p.fma(r.mul(r), r).add(1f);
        IntVector exponent = rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        FloatVector power = exponent.add(Float.floatToRawIntBits(1f)).reinterpretAsFloats();
        return p.mul(power).blend(0f, x.compare(VectorOperators.LT, EXP_LOWEST));
    }
}
