package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.HostWeights.FLOATS;
import static io.maseparation.kernels.host.HostWeights.LANES;
import static io.maseparation.kernels.host.HostWeights.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Loops over fp32 weights. */
final class FloatDots implements WeightDots {
    static final FloatDots LOOPS = new FloatDots();

    private FloatDots() {}

    @Override
    public void one(
            MemorySegment w, long w0, long w1, long w2, long w3, MemorySegment x, long x0, int n, float[] lanes) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int k = 0; k < n; k += LANES) {
            FloatVector xv = FloatVector.fromMemorySegment(FLOATS, x, x0 + 4L * k, ORDER);
            FloatVector v0 = FloatVector.fromMemorySegment(FLOATS, w, w0 + 4L * k, ORDER);
            s0 = v0.fma(xv, s0);
            FloatVector v1 = FloatVector.fromMemorySegment(FLOATS, w, w1 + 4L * k, ORDER);
            s1 = v1.fma(xv, s1);
            FloatVector v2 = FloatVector.fromMemorySegment(FLOATS, w, w2 + 4L * k, ORDER);
            s2 = v2.fma(xv, s2);
            FloatVector v3 = FloatVector.fromMemorySegment(FLOATS, w, w3 + 4L * k, ORDER);
            s3 = v3.fma(xv, s3);
        }
        s0.intoArray(lanes, 0);
        s1.intoArray(lanes, LANES);
        s2.intoArray(lanes, 2 * LANES);
        s3.intoArray(lanes, 3 * LANES);
    }

    @Override
    public void four(
            MemorySegment w, long w0, long w1, long w2, long w3, float[] x, int n, float[] lanes) {
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = s00;
        FloatVector s02 = s00;
        FloatVector s03 = s00;
        FloatVector s10 = s00;
        FloatVector s11 = s00;
        FloatVector s12 = s00;
        FloatVector s13 = s00;
        FloatVector s20 = s00;
        FloatVector s21 = s00;
        FloatVector s22 = s00;
        FloatVector s23 = s00;
        FloatVector s30 = s00;
        FloatVector s31 = s00;
        FloatVector s32 = s00;
        FloatVector s33 = s00;
        for (int k = 0; k < n; k += LANES) {
            int at = k * 4;
            FloatVector v0 = FloatVector.fromMemorySegment(FLOATS, w, w0 + 4L * k, ORDER);
            FloatVector v1 = FloatVector.fromMemorySegment(FLOATS, w, w1 + 4L * k, ORDER);
            FloatVector v2 = FloatVector.fromMemorySegment(FLOATS, w, w2 + 4L * k, ORDER);
            FloatVector v3 = FloatVector.fromMemorySegment(FLOATS, w, w3 + 4L * k, ORDER);
            FloatVector x0 = FloatVector.fromArray(FLOATS, x, at);
            s00 = v0.fma(x0, s00);
            s10 = v1.fma(x0, s10);
            s20 = v2.fma(x0, s20);
            s30 = v3.fma(x0, s30);
            FloatVector x1 = FloatVector.fromArray(FLOATS, x, at + LANES);
            s01 = v0.fma(x1, s01);
            s11 = v1.fma(x1, s11);
            s21 = v2.fma(x1, s21);
            s31 = v3.fma(x1, s31);
            FloatVector x2 = FloatVector.fromArray(FLOATS, x, at + 2 * LANES);
            s02 = v0.fma(x2, s02);
            s12 = v1.fma(x2, s12);
            s22 = v2.fma(x2, s22);
            s32 = v3.fma(x2, s32);
            FloatVector x3 = FloatVector.fromArray(FLOATS, x, at + 3 * LANES);
            s03 = v0.fma(x3, s03);
            s13 = v1.fma(x3, s13);
            s23 = v2.fma(x3, s23);
            s33 = v3.fma(x3, s33);
        }
        s00.intoArray(lanes, 0);
        s01.intoArray(lanes, LANES);
        s02.intoArray(lanes, 2 * LANES);
        s03.intoArray(lanes, 3 * LANES);
        s10.intoArray(lanes, 4 * LANES);
        s11.intoArray(lanes, 5 * LANES);
        s12.intoArray(lanes, 6 * LANES);
        s13.intoArray(lanes, 7 * LANES);
        s20.intoArray(lanes, 8 * LANES);
        s21.intoArray(lanes, 9 * LANES);
        s22.intoArray(lanes, 10 * LANES);
        s23.intoArray(lanes, 11 * LANES);
        s30.intoArray(lanes, 12 * LANES);
        s31.intoArray(lanes, 13 * LANES);
        s32.intoArray(lanes, 14 * LANES);
        s33.intoArray(lanes, 15 * LANES);
    }

    @Override
    public void eight(MemorySegment w, long w0, long w1, float[] x, int n, float[] lanes) {
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = s00;
        FloatVector s02 = s00;
        FloatVector s03 = s00;
        FloatVector s04 = s00;
        FloatVector s05 = s00;
        FloatVector s06 = s00;
        FloatVector s07 = s00;
        FloatVector s10 = s00;
        FloatVector s11 = s00;
        FloatVector s12 = s00;
        FloatVector s13 = s00;
        FloatVector s14 = s00;
        FloatVector s15 = s00;
        FloatVector s16 = s00;
        FloatVector s17 = s00;
        for (int k = 0; k < n; k += LANES) {
            int at = k * 8;
            FloatVector v0 = FloatVector.fromMemorySegment(FLOATS, w, w0 + 4L * k, ORDER);
            FloatVector v1 = FloatVector.fromMemorySegment(FLOATS, w, w1 + 4L * k, ORDER);
            FloatVector x0 = FloatVector.fromArray(FLOATS, x, at);
            s00 = v0.fma(x0, s00);
            s10 = v1.fma(x0, s10);
            FloatVector x1 = FloatVector.fromArray(FLOATS, x, at + LANES);
            s01 = v0.fma(x1, s01);
            s11 = v1.fma(x1, s11);
            FloatVector x2 = FloatVector.fromArray(FLOATS, x, at + 2 * LANES);
            s02 = v0.fma(x2, s02);
            s12 = v1.fma(x2, s12);
            FloatVector x3 = FloatVector.fromArray(FLOATS, x, at + 3 * LANES);
            s03 = v0.fma(x3, s03);
            s13 = v1.fma(x3, s13);
            FloatVector x4 = FloatVector.fromArray(FLOATS, x, at + 4 * LANES);
            s04 = v0.fma(x4, s04);
            s14 = v1.fma(x4, s14);
            FloatVector x5 = FloatVector.fromArray(FLOATS, x, at + 5 * LANES);
            s05 = v0.fma(x5, s05);
            s15 = v1.fma(x5, s15);
            FloatVector x6 = FloatVector.fromArray(FLOATS, x, at + 6 * LANES);
            s06 = v0.fma(x6, s06);
            s16 = v1.fma(x6, s16);
            FloatVector x7 = FloatVector.fromArray(FLOATS, x, at + 7 * LANES);
            s07 = v0.fma(x7, s07);
            s17 = v1.fma(x7, s17);
        }
        s00.intoArray(lanes, 0);
        s01.intoArray(lanes, LANES);
        s02.intoArray(lanes, 2 * LANES);
        s03.intoArray(lanes, 3 * LANES);
        s04.intoArray(lanes, 4 * LANES);
        s05.intoArray(lanes, 5 * LANES);
        s06.intoArray(lanes, 6 * LANES);
        s07.intoArray(lanes, 7 * LANES);
        s10.intoArray(lanes, 8 * LANES);
        s11.intoArray(lanes, 9 * LANES);
        s12.intoArray(lanes, 10 * LANES);
        s13.intoArray(lanes, 11 * LANES);
        s14.intoArray(lanes, 12 * LANES);
        s15.intoArray(lanes, 13 * LANES);
        s16.intoArray(lanes, 14 * LANES);
        s17.intoArray(lanes, 15 * LANES);
    }

    @Override
    public void unpack(MemorySegment w, long w0, int n, MemorySegment out, long outAt) {
        for (int k = 0; k < n; k += LANES) {
            FloatVector v0 = FloatVector.fromMemorySegment(FLOATS, w, w0 + 4L * k, ORDER);
            v0.intoMemorySegment(out, outAt + 4L * k, ORDER);
        }
    }
}
