package io.maseparation.parallel.measure;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * fp32 multiply-adds as fast as a core can, from registers to registers: twelve sums that do not wait for each other,
 * where two instructions a cycle of four cycles each need eight, and few enough for the sixteen registers of AVX2. For
 * one thread; it needs the module jdk.incubator.vector.
 */
public final class MultiplyAddLoop {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = FLOATS.length();
    private static final int SUMS = 12;
    private static final int TURNS = 2048;

    /** Each sum starts from another value: the compiler would take equal ones for one. */
    private final float[] sums = new float[SUMS * LANES];

    /** Sums that tend to 2. */
    public MultiplyAddLoop() {
        for (int i = 0; i < sums.length; i++) {
            sums[i] = 1f / (1 + i);
        }
    }

    /** {@return floating-point operations of a call, two for each multiply-add} */
    public long run() {
        FloatVector half = FloatVector.broadcast(FLOATS, 0.5f);
        FloatVector one = FloatVector.broadcast(FLOATS, 1);
        FloatVector s0 = sum(0);
        FloatVector s1 = sum(1);
        FloatVector s2 = sum(2);
        FloatVector s3 = sum(3);
        FloatVector s4 = sum(4);
        FloatVector s5 = sum(5);
        FloatVector s6 = sum(6);
        FloatVector s7 = sum(7);
        FloatVector s8 = sum(8);
        FloatVector s9 = sum(9);
        FloatVector s10 = sum(10);
        FloatVector s11 = sum(11);
        for (int i = 0; i < TURNS; i++) {
            s0 = s0.fma(half, one);
            s1 = s1.fma(half, one);
            s2 = s2.fma(half, one);
            s3 = s3.fma(half, one);
            s4 = s4.fma(half, one);
            s5 = s5.fma(half, one);
            s6 = s6.fma(half, one);
            s7 = s7.fma(half, one);
            s8 = s8.fma(half, one);
            s9 = s9.fma(half, one);
            s10 = s10.fma(half, one);
            s11 = s11.fma(half, one);
        }
        s0.intoArray(sums, 0);
        s1.intoArray(sums, LANES);
        s2.intoArray(sums, 2 * LANES);
        s3.intoArray(sums, 3 * LANES);
        s4.intoArray(sums, 4 * LANES);
        s5.intoArray(sums, 5 * LANES);
        s6.intoArray(sums, 6 * LANES);
        s7.intoArray(sums, 7 * LANES);
        s8.intoArray(sums, 8 * LANES);
        s9.intoArray(sums, 9 * LANES);
        s10.intoArray(sums, 10 * LANES);
        s11.intoArray(sums, 11 * LANES);
        return 2L * SUMS * TURNS * LANES;
    }

    private FloatVector sum(int index) {
        return FloatVector.fromArray(FLOATS, sums, index * LANES);
    }
}
