package io.maseparation.kernels.gpu;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gpu bodies of {@code ExpertUp} and {@code ExpertDown} with F16 weights, on tensor cores, whose weights go to local
 * memory without passing through registers (cp.async), which TornadoVM has on its CUDA backend only. They leave the
 * same bits as {@link ExpertTensor#multiply}.
 *
 * <p>Weights of the rounds that follow are under way all the time, also while a work-group waits: a round has one
 * barrier, after which the buffer of the round before is filled again.
 */
public final class AsyncExpertTensor {
    /** Warps of a work-group: small, so that several share a multiprocessor. */
    public static final int WARPS = 4;

    private AsyncExpertTensor() {}

    /**
     * As {@link ExpertTensor#multiply}, or with tiles of eight rows of x in one fp16 number each.
     *
     * @param xShift logarithm of a tile's rows of x, 2 where what rounding left stands beside them, or 3
     */
    public static void multiply(
            KernelContext context,
            IntArray offsets,
            IntArray packed,
            HalfFloatArray half2gate,
            HalfFloatArray half2up,
            FloatArray scratch,
            IntArray shape,
            int firstGroup,
            int rows,
            int cols,
            int padded,
            int stride,
            int tiles,
            int matrices,
            int splits,
            int parts,
            int xShift) {
        int[] weights = context.allocateIntLocalArray(6528);
        int[] xs = context.allocateIntLocalArray(512 * (32 >> xShift));
        int tid = context.localIdx;
        int lane = tid & 31;
        int warp = tid >> 5;
        int groups = tiles / WARPS;
        int part = context.groupIdx % parts;
        int split = context.groupIdx / parts % splits;
        int tile = context.groupIdx / (parts * splits) % groups * WARPS + warp;
        int expert = context.groupIdx / (parts * splits * groups);
        int ofGate = (matrices - 1) * ((rows + 15) / 16);
        boolean isUp = tile >= ofGate;
        int start = shape.get(0) + expert * shape.get(1) + TensorTiles.firstRow(tile, rows) * stride;
        if (isUp) {
            start = shape.get(2) + expert * shape.get(3) + TensorTiles.firstRow(tile - ofGate, rows) * stride;
        }
        int rounds = padded / (64 * splits);
        int begin = start + split * rounds * 64 + 2 * lane;
        // Rounds beyond the last copy its weights again; columns beyond the last meet an x of 0.
        int last = TornadoMath.min(start + cols - 2, begin + rounds * 64 - 64);
        int weightsOf = warp * 544;
        int xStride = padded * 4;
        int scratchStride = splits * tiles * 16;
        int group = firstGroup + expert;
        int first = offsets.get(group);
        int count = offsets.get(group + 1) - first;
        int firstTile = TensorTiles.firstTile(first, group, xShift);
        for (int pass = part * TensorTiles.PASS; pass < count; pass += parts * TensorTiles.PASS) {
            int left = TornadoMath.min((count - pass + (1 << xShift) - 1) >> xShift, (32 >> xShift));
            int xTile = firstTile + (pass >> xShift);
            int scratchAt = ((xTile * splits + split) * tiles + tile) * 16;
            // Nothing of the pass before is under way or still read. The first rounds multiply zeros.
            context.asyncCopyWaitGroup(0);
            context.localBarrier();
            for (int i = tid; i < 6528; i += 128) {
                weights[i] = 0;
            }
            for (int i = tid; i < 512 * (32 >> xShift); i += 128) {
                xs[i] = 0;
            }
            context.localBarrier();
            // Each branch stores its sums: fragments, and what loops leave behind, must not meet after an if.
            if (left <= 1) {
                float[] s0 = context.mmaFragment(0f);
                int position = begin;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                int xFrom = from - 256;
                int write = 0;
                int xRead = 0;
                for (int round = 0; round < rounds + 2; round++) {
                    context.asyncCopyWaitGroup(1);
                    context.localBarrier();
                    int to = weightsOf + write + TensorTiles.weightsAt(lane);
                    int pair0 = TornadoMath.min(position, last);
                    if (isUp) {
                        context.asyncCopyToLocal(weights, to, half2up, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2up, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2up, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2up, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2up, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2up, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2up, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2up, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2up, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2up, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2up, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2up, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2up, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2up, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2up, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2up, pair0 + 15 * stride);
                    } else {
                        context.asyncCopyToLocal(weights, to, half2gate, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2gate, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2gate, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2gate, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2gate, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2gate, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2gate, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2gate, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2gate, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2gate, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2gate, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2gate, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2gate, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2gate, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2gate, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2gate, pair0 + 15 * stride);
                    }
                    context.asyncCopyCommit();
                    int xAt = TornadoMath.max(xFrom, from);
                    int x0 = packed.get(xAt);
                    int x1 = packed.get(xAt + 128);
                    // The buffer that is filled next is the one filled longest ago.
                    write = (write + 2176) % 6528;
                    int a = (weightsOf + write) * 4;
                    int b = xRead * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                    }
                    xRead = 256 * (32 >> xShift) - xRead;
                    int xTo = xRead + tid;
                    xs[xTo] = x0;
                    xs[xTo + 128] = x1;
                    position += 64;
                    xFrom += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
            } else if (left <= 2) {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                int position = begin;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                int xFrom = from - 256;
                int write = 0;
                int xRead = 0;
                for (int round = 0; round < rounds + 2; round++) {
                    context.asyncCopyWaitGroup(1);
                    context.localBarrier();
                    int to = weightsOf + write + TensorTiles.weightsAt(lane);
                    int pair0 = TornadoMath.min(position, last);
                    if (isUp) {
                        context.asyncCopyToLocal(weights, to, half2up, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2up, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2up, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2up, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2up, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2up, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2up, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2up, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2up, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2up, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2up, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2up, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2up, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2up, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2up, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2up, pair0 + 15 * stride);
                    } else {
                        context.asyncCopyToLocal(weights, to, half2gate, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2gate, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2gate, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2gate, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2gate, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2gate, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2gate, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2gate, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2gate, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2gate, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2gate, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2gate, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2gate, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2gate, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2gate, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2gate, pair0 + 15 * stride);
                    }
                    context.asyncCopyCommit();
                    int xAt = TornadoMath.max(xFrom, from);
                    int x0 = packed.get(xAt);
                    int x1 = packed.get(xAt + 128);
                    int x2 = packed.get(xAt + xStride);
                    int x3 = packed.get(xAt + xStride + 128);
                    // The buffer that is filled next is the one filled longest ago.
                    write = (write + 2176) % 6528;
                    int a = (weightsOf + write) * 4;
                    int b = xRead * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                    }
                    xRead = 256 * (32 >> xShift) - xRead;
                    int xTo = xRead + tid;
                    xs[xTo] = x0;
                    xs[xTo + 128] = x1;
                    xs[xTo + 256] = x2;
                    xs[xTo + 384] = x3;
                    position += 64;
                    xFrom += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
            } else if (left <= 4) {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                float[] s2 = context.mmaFragment(0f);
                float[] s3 = context.mmaFragment(0f);
                int position = begin;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                int xFrom = from - 256;
                int write = 0;
                int xRead = 0;
                for (int round = 0; round < rounds + 2; round++) {
                    context.asyncCopyWaitGroup(1);
                    context.localBarrier();
                    int to = weightsOf + write + TensorTiles.weightsAt(lane);
                    int pair0 = TornadoMath.min(position, last);
                    if (isUp) {
                        context.asyncCopyToLocal(weights, to, half2up, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2up, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2up, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2up, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2up, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2up, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2up, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2up, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2up, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2up, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2up, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2up, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2up, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2up, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2up, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2up, pair0 + 15 * stride);
                    } else {
                        context.asyncCopyToLocal(weights, to, half2gate, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2gate, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2gate, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2gate, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2gate, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2gate, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2gate, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2gate, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2gate, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2gate, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2gate, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2gate, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2gate, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2gate, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2gate, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2gate, pair0 + 15 * stride);
                    }
                    context.asyncCopyCommit();
                    int xAt = TornadoMath.max(xFrom, from);
                    int x0 = packed.get(xAt);
                    int x1 = packed.get(xAt + 128);
                    int x2 = packed.get(xAt + xStride);
                    int x3 = packed.get(xAt + xStride + 128);
                    int x4 = packed.get(xAt + 2 * xStride);
                    int x5 = packed.get(xAt + 2 * xStride + 128);
                    int x6 = packed.get(xAt + 3 * xStride);
                    int x7 = packed.get(xAt + 3 * xStride + 128);
                    // The buffer that is filled next is the one filled longest ago.
                    write = (write + 2176) % 6528;
                    int a = (weightsOf + write) * 4;
                    int b = xRead * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                        s2 = context.mma(w, context.mmaLoadB(xs, 16, bk + 2048), s2, MMAShape.M16N8K16);
                        s3 = context.mma(w, context.mmaLoadB(xs, 16, bk + 3072), s3, MMAShape.M16N8K16);
                    }
                    xRead = 256 * (32 >> xShift) - xRead;
                    int xTo = xRead + tid;
                    xs[xTo] = x0;
                    xs[xTo + 128] = x1;
                    xs[xTo + 256] = x2;
                    xs[xTo + 384] = x3;
                    xs[xTo + 512] = x4;
                    xs[xTo + 640] = x5;
                    xs[xTo + 768] = x6;
                    xs[xTo + 896] = x7;
                    position += 64;
                    xFrom += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
                context.mmaStore(s2, scratch, scratchAt + 2 * scratchStride, 0, 8);
                if (left > 3) {
                    context.mmaStore(s3, scratch, scratchAt + 3 * scratchStride, 0, 8);
                }
            } else {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                float[] s2 = context.mmaFragment(0f);
                float[] s3 = context.mmaFragment(0f);
                float[] s4 = context.mmaFragment(0f);
                float[] s5 = context.mmaFragment(0f);
                float[] s6 = context.mmaFragment(0f);
                float[] s7 = context.mmaFragment(0f);
                int position = begin;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                int xFrom = from - 256;
                int write = 0;
                int xRead = 0;
                for (int round = 0; round < rounds + 2; round++) {
                    context.asyncCopyWaitGroup(1);
                    context.localBarrier();
                    int to = weightsOf + write + TensorTiles.weightsAt(lane);
                    int pair0 = TornadoMath.min(position, last);
                    if (isUp) {
                        context.asyncCopyToLocal(weights, to, half2up, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2up, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2up, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2up, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2up, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2up, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2up, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2up, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2up, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2up, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2up, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2up, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2up, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2up, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2up, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2up, pair0 + 15 * stride);
                    } else {
                        context.asyncCopyToLocal(weights, to, half2gate, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2gate, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2gate, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2gate, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2gate, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2gate, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2gate, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2gate, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2gate, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2gate, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2gate, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2gate, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2gate, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2gate, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2gate, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2gate, pair0 + 15 * stride);
                    }
                    context.asyncCopyCommit();
                    int xAt = TornadoMath.max(xFrom, from);
                    int x0 = packed.get(xAt);
                    int x1 = packed.get(xAt + 128);
                    int x2 = packed.get(xAt + xStride);
                    int x3 = packed.get(xAt + xStride + 128);
                    int x4 = packed.get(xAt + 2 * xStride);
                    int x5 = packed.get(xAt + 2 * xStride + 128);
                    int x6 = packed.get(xAt + 3 * xStride);
                    int x7 = packed.get(xAt + 3 * xStride + 128);
                    int x8 = packed.get(xAt + 4 * xStride);
                    int x9 = packed.get(xAt + 4 * xStride + 128);
                    int x10 = packed.get(xAt + 5 * xStride);
                    int x11 = packed.get(xAt + 5 * xStride + 128);
                    int x12 = packed.get(xAt + 6 * xStride);
                    int x13 = packed.get(xAt + 6 * xStride + 128);
                    int x14 = packed.get(xAt + 7 * xStride);
                    int x15 = packed.get(xAt + 7 * xStride + 128);
                    // The buffer that is filled next is the one filled longest ago.
                    write = (write + 2176) % 6528;
                    int a = (weightsOf + write) * 4;
                    int b = xRead * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                        s2 = context.mma(w, context.mmaLoadB(xs, 16, bk + 2048), s2, MMAShape.M16N8K16);
                        s3 = context.mma(w, context.mmaLoadB(xs, 16, bk + 3072), s3, MMAShape.M16N8K16);
                        s4 = context.mma(w, context.mmaLoadB(xs, 16, bk + 4096), s4, MMAShape.M16N8K16);
                        s5 = context.mma(w, context.mmaLoadB(xs, 16, bk + 5120), s5, MMAShape.M16N8K16);
                        s6 = context.mma(w, context.mmaLoadB(xs, 16, bk + 6144), s6, MMAShape.M16N8K16);
                        s7 = context.mma(w, context.mmaLoadB(xs, 16, bk + 7168), s7, MMAShape.M16N8K16);
                    }
                    xRead = 256 * (32 >> xShift) - xRead;
                    int xTo = xRead + tid;
                    xs[xTo] = x0;
                    xs[xTo + 128] = x1;
                    xs[xTo + 256] = x2;
                    xs[xTo + 384] = x3;
                    xs[xTo + 512] = x4;
                    xs[xTo + 640] = x5;
                    xs[xTo + 768] = x6;
                    xs[xTo + 896] = x7;
                    xs[xTo + 1024] = x8;
                    xs[xTo + 1152] = x9;
                    xs[xTo + 1280] = x10;
                    xs[xTo + 1408] = x11;
                    xs[xTo + 1536] = x12;
                    xs[xTo + 1664] = x13;
                    xs[xTo + 1792] = x14;
                    xs[xTo + 1920] = x15;
                    position += 64;
                    xFrom += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
                context.mmaStore(s2, scratch, scratchAt + 2 * scratchStride, 0, 8);
                context.mmaStore(s3, scratch, scratchAt + 3 * scratchStride, 0, 8);
                context.mmaStore(s4, scratch, scratchAt + 4 * scratchStride, 0, 8);
                if (left > 5) {
                    context.mmaStore(s5, scratch, scratchAt + 5 * scratchStride, 0, 8);
                }
                if (left > 6) {
                    context.mmaStore(s6, scratch, scratchAt + 6 * scratchStride, 0, 8);
                }
                if (left > 7) {
                    context.mmaStore(s7, scratch, scratchAt + 7 * scratchStride, 0, 8);
                }
            }
        }
    }

    /** The same with two buffers instead of three. */
    public static void multiplyTwo(
            KernelContext context,
            IntArray offsets,
            IntArray packed,
            HalfFloatArray half2gate,
            HalfFloatArray half2up,
            FloatArray scratch,
            IntArray shape,
            int firstGroup,
            int rows,
            int cols,
            int padded,
            int stride,
            int tiles,
            int matrices,
            int splits,
            int parts,
            int xShift) {
        int[] weights = context.allocateIntLocalArray(4352);
        int[] xs = context.allocateIntLocalArray(512 * (32 >> xShift));
        int tid = context.localIdx;
        int lane = tid & 31;
        int warp = tid >> 5;
        int groups = tiles / WARPS;
        int part = context.groupIdx % parts;
        int split = context.groupIdx / parts % splits;
        int tile = context.groupIdx / (parts * splits) % groups * WARPS + warp;
        int expert = context.groupIdx / (parts * splits * groups);
        int ofGate = (matrices - 1) * ((rows + 15) / 16);
        boolean isUp = tile >= ofGate;
        int start = shape.get(0) + expert * shape.get(1) + TensorTiles.firstRow(tile, rows) * stride;
        if (isUp) {
            start = shape.get(2) + expert * shape.get(3) + TensorTiles.firstRow(tile - ofGate, rows) * stride;
        }
        int rounds = padded / (64 * splits);
        int begin = start + split * rounds * 64 + 2 * lane;
        // Rounds beyond the last copy its weights again; columns beyond the last meet an x of 0.
        int last = TornadoMath.min(start + cols - 2, begin + rounds * 64 - 64);
        int weightsOf = warp * 544;
        int xStride = padded * 4;
        int scratchStride = splits * tiles * 16;
        int group = firstGroup + expert;
        int first = offsets.get(group);
        int count = offsets.get(group + 1) - first;
        int firstTile = TensorTiles.firstTile(first, group, xShift);
        for (int pass = part * TensorTiles.PASS; pass < count; pass += parts * TensorTiles.PASS) {
            int left = TornadoMath.min((count - pass + (1 << xShift) - 1) >> xShift, (32 >> xShift));
            int xTile = firstTile + (pass >> xShift);
            int scratchAt = ((xTile * splits + split) * tiles + tile) * 16;
            // Nothing of the pass before is under way or still read. The first rounds multiply zeros.
            context.asyncCopyWaitGroup(0);
            context.localBarrier();
            for (int i = tid; i < 4352; i += 128) {
                weights[i] = 0;
            }
            for (int i = tid; i < 512 * (32 >> xShift); i += 128) {
                xs[i] = 0;
            }
            context.localBarrier();
            // Each branch stores its sums: fragments, and what loops leave behind, must not meet after an if.
            if (left <= 1) {
                float[] s0 = context.mmaFragment(0f);
                int position = begin;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                int xFrom = from;
                int write = 0;
                int xRead = 0;
                for (int round = 0; round < rounds + 1; round++) {
                    context.asyncCopyWaitGroup(0);
                    context.localBarrier();
                    int to = weightsOf + write + TensorTiles.weightsAt(lane);
                    int pair0 = TornadoMath.min(position, last);
                    if (isUp) {
                        context.asyncCopyToLocal(weights, to, half2up, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2up, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2up, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2up, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2up, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2up, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2up, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2up, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2up, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2up, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2up, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2up, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2up, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2up, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2up, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2up, pair0 + 15 * stride);
                    } else {
                        context.asyncCopyToLocal(weights, to, half2gate, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2gate, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2gate, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2gate, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2gate, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2gate, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2gate, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2gate, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2gate, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2gate, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2gate, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2gate, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2gate, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2gate, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2gate, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2gate, pair0 + 15 * stride);
                    }
                    context.asyncCopyCommit();
                    int x0 = packed.get(xFrom);
                    int x1 = packed.get(xFrom + 128);
                    // The buffer that is filled next is the one filled longest ago.
                    write = 2176 - write;
                    int a = (weightsOf + write) * 4;
                    int b = xRead * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                    }
                    xRead = 256 * (32 >> xShift) - xRead;
                    int xTo = xRead + tid;
                    xs[xTo] = x0;
                    xs[xTo + 128] = x1;
                    position += 64;
                    xFrom += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
            } else if (left <= 2) {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                int position = begin;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                int xFrom = from;
                int write = 0;
                int xRead = 0;
                for (int round = 0; round < rounds + 1; round++) {
                    context.asyncCopyWaitGroup(0);
                    context.localBarrier();
                    int to = weightsOf + write + TensorTiles.weightsAt(lane);
                    int pair0 = TornadoMath.min(position, last);
                    if (isUp) {
                        context.asyncCopyToLocal(weights, to, half2up, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2up, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2up, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2up, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2up, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2up, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2up, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2up, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2up, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2up, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2up, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2up, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2up, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2up, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2up, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2up, pair0 + 15 * stride);
                    } else {
                        context.asyncCopyToLocal(weights, to, half2gate, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2gate, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2gate, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2gate, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2gate, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2gate, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2gate, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2gate, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2gate, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2gate, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2gate, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2gate, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2gate, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2gate, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2gate, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2gate, pair0 + 15 * stride);
                    }
                    context.asyncCopyCommit();
                    int x0 = packed.get(xFrom);
                    int x1 = packed.get(xFrom + 128);
                    int x2 = packed.get(xFrom + xStride);
                    int x3 = packed.get(xFrom + xStride + 128);
                    // The buffer that is filled next is the one filled longest ago.
                    write = 2176 - write;
                    int a = (weightsOf + write) * 4;
                    int b = xRead * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                    }
                    xRead = 256 * (32 >> xShift) - xRead;
                    int xTo = xRead + tid;
                    xs[xTo] = x0;
                    xs[xTo + 128] = x1;
                    xs[xTo + 256] = x2;
                    xs[xTo + 384] = x3;
                    position += 64;
                    xFrom += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
            } else if (left <= 4) {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                float[] s2 = context.mmaFragment(0f);
                float[] s3 = context.mmaFragment(0f);
                int position = begin;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                int xFrom = from;
                int write = 0;
                int xRead = 0;
                for (int round = 0; round < rounds + 1; round++) {
                    context.asyncCopyWaitGroup(0);
                    context.localBarrier();
                    int to = weightsOf + write + TensorTiles.weightsAt(lane);
                    int pair0 = TornadoMath.min(position, last);
                    if (isUp) {
                        context.asyncCopyToLocal(weights, to, half2up, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2up, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2up, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2up, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2up, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2up, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2up, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2up, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2up, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2up, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2up, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2up, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2up, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2up, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2up, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2up, pair0 + 15 * stride);
                    } else {
                        context.asyncCopyToLocal(weights, to, half2gate, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2gate, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2gate, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2gate, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2gate, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2gate, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2gate, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2gate, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2gate, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2gate, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2gate, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2gate, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2gate, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2gate, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2gate, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2gate, pair0 + 15 * stride);
                    }
                    context.asyncCopyCommit();
                    int x0 = packed.get(xFrom);
                    int x1 = packed.get(xFrom + 128);
                    int x2 = packed.get(xFrom + xStride);
                    int x3 = packed.get(xFrom + xStride + 128);
                    int x4 = packed.get(xFrom + 2 * xStride);
                    int x5 = packed.get(xFrom + 2 * xStride + 128);
                    int x6 = packed.get(xFrom + 3 * xStride);
                    int x7 = packed.get(xFrom + 3 * xStride + 128);
                    // The buffer that is filled next is the one filled longest ago.
                    write = 2176 - write;
                    int a = (weightsOf + write) * 4;
                    int b = xRead * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                        s2 = context.mma(w, context.mmaLoadB(xs, 16, bk + 2048), s2, MMAShape.M16N8K16);
                        s3 = context.mma(w, context.mmaLoadB(xs, 16, bk + 3072), s3, MMAShape.M16N8K16);
                    }
                    xRead = 256 * (32 >> xShift) - xRead;
                    int xTo = xRead + tid;
                    xs[xTo] = x0;
                    xs[xTo + 128] = x1;
                    xs[xTo + 256] = x2;
                    xs[xTo + 384] = x3;
                    xs[xTo + 512] = x4;
                    xs[xTo + 640] = x5;
                    xs[xTo + 768] = x6;
                    xs[xTo + 896] = x7;
                    position += 64;
                    xFrom += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
                context.mmaStore(s2, scratch, scratchAt + 2 * scratchStride, 0, 8);
                if (left > 3) {
                    context.mmaStore(s3, scratch, scratchAt + 3 * scratchStride, 0, 8);
                }
            } else {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                float[] s2 = context.mmaFragment(0f);
                float[] s3 = context.mmaFragment(0f);
                float[] s4 = context.mmaFragment(0f);
                float[] s5 = context.mmaFragment(0f);
                float[] s6 = context.mmaFragment(0f);
                float[] s7 = context.mmaFragment(0f);
                int position = begin;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                int xFrom = from;
                int write = 0;
                int xRead = 0;
                for (int round = 0; round < rounds + 1; round++) {
                    context.asyncCopyWaitGroup(0);
                    context.localBarrier();
                    int to = weightsOf + write + TensorTiles.weightsAt(lane);
                    int pair0 = TornadoMath.min(position, last);
                    if (isUp) {
                        context.asyncCopyToLocal(weights, to, half2up, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2up, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2up, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2up, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2up, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2up, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2up, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2up, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2up, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2up, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2up, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2up, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2up, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2up, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2up, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2up, pair0 + 15 * stride);
                    } else {
                        context.asyncCopyToLocal(weights, to, half2gate, pair0);
                        context.asyncCopyToLocal(weights, to + 8, half2gate, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2gate, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2gate, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2gate, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2gate, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2gate, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2gate, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2gate, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2gate, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2gate, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2gate, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2gate, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2gate, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2gate, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2gate, pair0 + 15 * stride);
                    }
                    context.asyncCopyCommit();
                    int x0 = packed.get(xFrom);
                    int x1 = packed.get(xFrom + 128);
                    int x2 = packed.get(xFrom + xStride);
                    int x3 = packed.get(xFrom + xStride + 128);
                    int x4 = packed.get(xFrom + 2 * xStride);
                    int x5 = packed.get(xFrom + 2 * xStride + 128);
                    int x6 = packed.get(xFrom + 3 * xStride);
                    int x7 = packed.get(xFrom + 3 * xStride + 128);
                    int x8 = packed.get(xFrom + 4 * xStride);
                    int x9 = packed.get(xFrom + 4 * xStride + 128);
                    int x10 = packed.get(xFrom + 5 * xStride);
                    int x11 = packed.get(xFrom + 5 * xStride + 128);
                    int x12 = packed.get(xFrom + 6 * xStride);
                    int x13 = packed.get(xFrom + 6 * xStride + 128);
                    int x14 = packed.get(xFrom + 7 * xStride);
                    int x15 = packed.get(xFrom + 7 * xStride + 128);
                    // The buffer that is filled next is the one filled longest ago.
                    write = 2176 - write;
                    int a = (weightsOf + write) * 4;
                    int b = xRead * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                        s2 = context.mma(w, context.mmaLoadB(xs, 16, bk + 2048), s2, MMAShape.M16N8K16);
                        s3 = context.mma(w, context.mmaLoadB(xs, 16, bk + 3072), s3, MMAShape.M16N8K16);
                        s4 = context.mma(w, context.mmaLoadB(xs, 16, bk + 4096), s4, MMAShape.M16N8K16);
                        s5 = context.mma(w, context.mmaLoadB(xs, 16, bk + 5120), s5, MMAShape.M16N8K16);
                        s6 = context.mma(w, context.mmaLoadB(xs, 16, bk + 6144), s6, MMAShape.M16N8K16);
                        s7 = context.mma(w, context.mmaLoadB(xs, 16, bk + 7168), s7, MMAShape.M16N8K16);
                    }
                    xRead = 256 * (32 >> xShift) - xRead;
                    int xTo = xRead + tid;
                    xs[xTo] = x0;
                    xs[xTo + 128] = x1;
                    xs[xTo + 256] = x2;
                    xs[xTo + 384] = x3;
                    xs[xTo + 512] = x4;
                    xs[xTo + 640] = x5;
                    xs[xTo + 768] = x6;
                    xs[xTo + 896] = x7;
                    xs[xTo + 1024] = x8;
                    xs[xTo + 1152] = x9;
                    xs[xTo + 1280] = x10;
                    xs[xTo + 1408] = x11;
                    xs[xTo + 1536] = x12;
                    xs[xTo + 1664] = x13;
                    xs[xTo + 1792] = x14;
                    xs[xTo + 1920] = x15;
                    position += 64;
                    xFrom += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
                context.mmaStore(s2, scratch, scratchAt + 2 * scratchStride, 0, 8);
                context.mmaStore(s3, scratch, scratchAt + 3 * scratchStride, 0, 8);
                context.mmaStore(s4, scratch, scratchAt + 4 * scratchStride, 0, 8);
                if (left > 5) {
                    context.mmaStore(s5, scratch, scratchAt + 5 * scratchStride, 0, 8);
                }
                if (left > 6) {
                    context.mmaStore(s6, scratch, scratchAt + 6 * scratchStride, 0, 8);
                }
                if (left > 7) {
                    context.mmaStore(s7, scratch, scratchAt + 7 * scratchStride, 0, 8);
                }
            }
        }
    }

    /**
     * With x in one fp16 number each, in rounds of 128 columns, so that 256 neighbouring bytes of a row are read
     * together.
     */
    public static void multiplyWideF16(
            KernelContext context,
            IntArray offsets,
            IntArray packed,
            HalfFloatArray half2gate,
            HalfFloatArray half2up,
            FloatArray scratch,
            IntArray shape,
            int firstGroup,
            int rows,
            int cols,
            int padded,
            int stride,
            int tiles,
            int matrices,
            int splits,
            int parts) {
        int[] weights = context.allocateIntLocalArray(8704);
        int[] xs = context.allocateIntLocalArray(2048);
        int tid = context.localIdx;
        int lane = tid & 31;
        int warp = tid >> 5;
        int groups = tiles / WARPS;
        int part = context.groupIdx % parts;
        int split = context.groupIdx / parts % splits;
        int tile = context.groupIdx / (parts * splits) % groups * WARPS + warp;
        int expert = context.groupIdx / (parts * splits * groups);
        int ofGate = (matrices - 1) * ((rows + 15) / 16);
        boolean isUp = tile >= ofGate;
        int start = shape.get(0) + expert * shape.get(1) + TensorTiles.firstRow(tile, rows) * stride;
        if (isUp) {
            start = shape.get(2) + expert * shape.get(3) + TensorTiles.firstRow(tile - ofGate, rows) * stride;
        }
        int rounds = padded / (128 * splits);
        int begin = start + split * rounds * 128 + 2 * lane;
        // Rounds beyond the last copy its weights again; columns beyond the last meet an x of 0.
        int last = TornadoMath.min(start + cols - 2, begin + rounds * 128 - 64);
        int weightsOf = warp * 1088;
        int xStride = padded * 4;
        int scratchStride = splits * tiles * 16;
        int group = firstGroup + expert;
        int first = offsets.get(group);
        int count = offsets.get(group + 1) - first;
        int firstTile = TensorTiles.firstTile(first, group, 3);
        for (int pass = part * TensorTiles.PASS; pass < count; pass += parts * TensorTiles.PASS) {
            int left = TornadoMath.min((count - pass + (1 << 3) - 1) >> 3, 4);
            int xTile = firstTile + (pass >> 3);
            int scratchAt = ((xTile * splits + split) * tiles + tile) * 16;
            // Nothing of the pass before is under way or still read. The first rounds multiply zeros.
            context.asyncCopyWaitGroup(0);
            context.localBarrier();
            for (int i = tid; i < 8704; i += 128) {
                weights[i] = 0;
            }
            for (int i = tid; i < 2048; i += 128) {
                xs[i] = 0;
            }
            context.localBarrier();
            // Each branch stores its sums: fragments, and what loops leave behind, must not meet after an if.
            if (left <= 1) {
                float[] s0 = context.mmaFragment(0f);
                int position = begin;
                int from = (xTile * padded + split * rounds * 128) * 4 + tid;
                int xFrom = from;
                int write = 0;
                for (int round = 0; round <= rounds; round++) {
                    context.asyncCopyWaitGroup(0);
                    context.localBarrier();
                    int to = weightsOf + write + TensorTiles.weightsAt(lane);
                    int pair0 = TornadoMath.min(position, last);
                    int pair1 = TornadoMath.min(position + 64, last);
                    if (isUp) {
                        context.asyncCopyToLocal(weights, to, half2up, pair0);
                        context.asyncCopyToLocal(weights, to + 544, half2up, pair1);
                        context.asyncCopyToLocal(weights, to + 8, half2up, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 552, half2up, pair1 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2up, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 560, half2up, pair1 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2up, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 568, half2up, pair1 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2up, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 576, half2up, pair1 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2up, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 584, half2up, pair1 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2up, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 592, half2up, pair1 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2up, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 600, half2up, pair1 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2up, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 608, half2up, pair1 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2up, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 616, half2up, pair1 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2up, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 624, half2up, pair1 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2up, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 632, half2up, pair1 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2up, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 640, half2up, pair1 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2up, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 648, half2up, pair1 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2up, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 656, half2up, pair1 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2up, pair0 + 15 * stride);
                        context.asyncCopyToLocal(weights, to + 664, half2up, pair1 + 15 * stride);
                    } else {
                        context.asyncCopyToLocal(weights, to, half2gate, pair0);
                        context.asyncCopyToLocal(weights, to + 544, half2gate, pair1);
                        context.asyncCopyToLocal(weights, to + 8, half2gate, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 552, half2gate, pair1 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2gate, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 560, half2gate, pair1 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2gate, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 568, half2gate, pair1 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2gate, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 576, half2gate, pair1 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2gate, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 584, half2gate, pair1 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2gate, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 592, half2gate, pair1 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2gate, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 600, half2gate, pair1 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2gate, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 608, half2gate, pair1 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2gate, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 616, half2gate, pair1 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2gate, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 624, half2gate, pair1 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2gate, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 632, half2gate, pair1 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2gate, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 640, half2gate, pair1 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2gate, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 648, half2gate, pair1 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2gate, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 656, half2gate, pair1 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2gate, pair0 + 15 * stride);
                        context.asyncCopyToLocal(weights, to + 664, half2gate, pair1 + 15 * stride);
                    }
                    context.asyncCopyCommit();
                    // The second half of x, while the first is multiplied.
                    int xAt = TornadoMath.max(xFrom - 256, from);
                    int x0 = packed.get(xAt);
                    int x1 = packed.get(xAt + 128);
                    write = 4352 - write;
                    int a = (weightsOf + write) * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = 0 + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                    }
                    int xTo = 1024 + tid;
                    xs[xTo] = x0;
                    xs[xTo + 128] = x1;
                    context.localBarrier();
                    x0 = packed.get(xFrom);
                    x1 = packed.get(xFrom + 128);
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + 2176 + k * 544);
                        int bk = 4096 + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                    }
                    xs[tid] = x0;
                    xs[tid + 128] = x1;
                    position += 128;
                    xFrom += 512;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
            } else if (left <= 2) {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                int position = begin;
                int from = (xTile * padded + split * rounds * 128) * 4 + tid;
                int xFrom = from;
                int write = 0;
                for (int round = 0; round <= rounds; round++) {
                    context.asyncCopyWaitGroup(0);
                    context.localBarrier();
                    int to = weightsOf + write + TensorTiles.weightsAt(lane);
                    int pair0 = TornadoMath.min(position, last);
                    int pair1 = TornadoMath.min(position + 64, last);
                    if (isUp) {
                        context.asyncCopyToLocal(weights, to, half2up, pair0);
                        context.asyncCopyToLocal(weights, to + 544, half2up, pair1);
                        context.asyncCopyToLocal(weights, to + 8, half2up, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 552, half2up, pair1 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2up, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 560, half2up, pair1 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2up, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 568, half2up, pair1 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2up, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 576, half2up, pair1 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2up, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 584, half2up, pair1 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2up, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 592, half2up, pair1 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2up, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 600, half2up, pair1 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2up, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 608, half2up, pair1 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2up, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 616, half2up, pair1 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2up, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 624, half2up, pair1 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2up, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 632, half2up, pair1 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2up, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 640, half2up, pair1 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2up, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 648, half2up, pair1 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2up, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 656, half2up, pair1 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2up, pair0 + 15 * stride);
                        context.asyncCopyToLocal(weights, to + 664, half2up, pair1 + 15 * stride);
                    } else {
                        context.asyncCopyToLocal(weights, to, half2gate, pair0);
                        context.asyncCopyToLocal(weights, to + 544, half2gate, pair1);
                        context.asyncCopyToLocal(weights, to + 8, half2gate, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 552, half2gate, pair1 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2gate, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 560, half2gate, pair1 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2gate, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 568, half2gate, pair1 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2gate, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 576, half2gate, pair1 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2gate, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 584, half2gate, pair1 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2gate, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 592, half2gate, pair1 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2gate, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 600, half2gate, pair1 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2gate, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 608, half2gate, pair1 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2gate, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 616, half2gate, pair1 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2gate, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 624, half2gate, pair1 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2gate, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 632, half2gate, pair1 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2gate, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 640, half2gate, pair1 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2gate, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 648, half2gate, pair1 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2gate, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 656, half2gate, pair1 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2gate, pair0 + 15 * stride);
                        context.asyncCopyToLocal(weights, to + 664, half2gate, pair1 + 15 * stride);
                    }
                    context.asyncCopyCommit();
                    // The second half of x, while the first is multiplied.
                    int xAt = TornadoMath.max(xFrom - 256, from);
                    int x0 = packed.get(xAt);
                    int x1 = packed.get(xAt + 128);
                    int x2 = packed.get(xAt + xStride);
                    int x3 = packed.get(xAt + xStride + 128);
                    write = 4352 - write;
                    int a = (weightsOf + write) * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = 0 + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                    }
                    int xTo = 1024 + tid;
                    xs[xTo] = x0;
                    xs[xTo + 128] = x1;
                    xs[xTo + 256] = x2;
                    xs[xTo + 384] = x3;
                    context.localBarrier();
                    x0 = packed.get(xFrom);
                    x1 = packed.get(xFrom + 128);
                    x2 = packed.get(xFrom + xStride);
                    x3 = packed.get(xFrom + xStride + 128);
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + 2176 + k * 544);
                        int bk = 4096 + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                    }
                    xs[tid] = x0;
                    xs[tid + 128] = x1;
                    xs[tid + 256] = x2;
                    xs[tid + 384] = x3;
                    position += 128;
                    xFrom += 512;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
            } else {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                float[] s2 = context.mmaFragment(0f);
                float[] s3 = context.mmaFragment(0f);
                int position = begin;
                int from = (xTile * padded + split * rounds * 128) * 4 + tid;
                int xFrom = from;
                int write = 0;
                for (int round = 0; round <= rounds; round++) {
                    context.asyncCopyWaitGroup(0);
                    context.localBarrier();
                    int to = weightsOf + write + TensorTiles.weightsAt(lane);
                    int pair0 = TornadoMath.min(position, last);
                    int pair1 = TornadoMath.min(position + 64, last);
                    if (isUp) {
                        context.asyncCopyToLocal(weights, to, half2up, pair0);
                        context.asyncCopyToLocal(weights, to + 544, half2up, pair1);
                        context.asyncCopyToLocal(weights, to + 8, half2up, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 552, half2up, pair1 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2up, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 560, half2up, pair1 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2up, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 568, half2up, pair1 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2up, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 576, half2up, pair1 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2up, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 584, half2up, pair1 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2up, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 592, half2up, pair1 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2up, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 600, half2up, pair1 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2up, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 608, half2up, pair1 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2up, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 616, half2up, pair1 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2up, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 624, half2up, pair1 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2up, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 632, half2up, pair1 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2up, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 640, half2up, pair1 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2up, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 648, half2up, pair1 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2up, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 656, half2up, pair1 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2up, pair0 + 15 * stride);
                        context.asyncCopyToLocal(weights, to + 664, half2up, pair1 + 15 * stride);
                    } else {
                        context.asyncCopyToLocal(weights, to, half2gate, pair0);
                        context.asyncCopyToLocal(weights, to + 544, half2gate, pair1);
                        context.asyncCopyToLocal(weights, to + 8, half2gate, pair0 + stride);
                        context.asyncCopyToLocal(weights, to + 552, half2gate, pair1 + stride);
                        context.asyncCopyToLocal(weights, to + 16, half2gate, pair0 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 560, half2gate, pair1 + 2 * stride);
                        context.asyncCopyToLocal(weights, to + 24, half2gate, pair0 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 568, half2gate, pair1 + 3 * stride);
                        context.asyncCopyToLocal(weights, to + 32, half2gate, pair0 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 576, half2gate, pair1 + 4 * stride);
                        context.asyncCopyToLocal(weights, to + 40, half2gate, pair0 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 584, half2gate, pair1 + 5 * stride);
                        context.asyncCopyToLocal(weights, to + 48, half2gate, pair0 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 592, half2gate, pair1 + 6 * stride);
                        context.asyncCopyToLocal(weights, to + 56, half2gate, pair0 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 600, half2gate, pair1 + 7 * stride);
                        context.asyncCopyToLocal(weights, to + 64, half2gate, pair0 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 608, half2gate, pair1 + 8 * stride);
                        context.asyncCopyToLocal(weights, to + 72, half2gate, pair0 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 616, half2gate, pair1 + 9 * stride);
                        context.asyncCopyToLocal(weights, to + 80, half2gate, pair0 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 624, half2gate, pair1 + 10 * stride);
                        context.asyncCopyToLocal(weights, to + 88, half2gate, pair0 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 632, half2gate, pair1 + 11 * stride);
                        context.asyncCopyToLocal(weights, to + 96, half2gate, pair0 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 640, half2gate, pair1 + 12 * stride);
                        context.asyncCopyToLocal(weights, to + 104, half2gate, pair0 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 648, half2gate, pair1 + 13 * stride);
                        context.asyncCopyToLocal(weights, to + 112, half2gate, pair0 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 656, half2gate, pair1 + 14 * stride);
                        context.asyncCopyToLocal(weights, to + 120, half2gate, pair0 + 15 * stride);
                        context.asyncCopyToLocal(weights, to + 664, half2gate, pair1 + 15 * stride);
                    }
                    context.asyncCopyCommit();
                    // The second half of x, while the first is multiplied.
                    int xAt = TornadoMath.max(xFrom - 256, from);
                    int x0 = packed.get(xAt);
                    int x1 = packed.get(xAt + 128);
                    int x2 = packed.get(xAt + xStride);
                    int x3 = packed.get(xAt + xStride + 128);
                    int x4 = packed.get(xAt + 2 * xStride);
                    int x5 = packed.get(xAt + 2 * xStride + 128);
                    int x6 = packed.get(xAt + 3 * xStride);
                    int x7 = packed.get(xAt + 3 * xStride + 128);
                    write = 4352 - write;
                    int a = (weightsOf + write) * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = 0 + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                        s2 = context.mma(w, context.mmaLoadB(xs, 16, bk + 2048), s2, MMAShape.M16N8K16);
                        s3 = context.mma(w, context.mmaLoadB(xs, 16, bk + 3072), s3, MMAShape.M16N8K16);
                    }
                    int xTo = 1024 + tid;
                    xs[xTo] = x0;
                    xs[xTo + 128] = x1;
                    xs[xTo + 256] = x2;
                    xs[xTo + 384] = x3;
                    xs[xTo + 512] = x4;
                    xs[xTo + 640] = x5;
                    xs[xTo + 768] = x6;
                    xs[xTo + 896] = x7;
                    context.localBarrier();
                    x0 = packed.get(xFrom);
                    x1 = packed.get(xFrom + 128);
                    x2 = packed.get(xFrom + xStride);
                    x3 = packed.get(xFrom + xStride + 128);
                    x4 = packed.get(xFrom + 2 * xStride);
                    x5 = packed.get(xFrom + 2 * xStride + 128);
                    x6 = packed.get(xFrom + 3 * xStride);
                    x7 = packed.get(xFrom + 3 * xStride + 128);
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + 2176 + k * 544);
                        int bk = 4096 + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                        s2 = context.mma(w, context.mmaLoadB(xs, 16, bk + 2048), s2, MMAShape.M16N8K16);
                        s3 = context.mma(w, context.mmaLoadB(xs, 16, bk + 3072), s3, MMAShape.M16N8K16);
                    }
                    xs[tid] = x0;
                    xs[tid + 128] = x1;
                    xs[tid + 256] = x2;
                    xs[tid + 384] = x3;
                    xs[tid + 512] = x4;
                    xs[tid + 640] = x5;
                    xs[tid + 768] = x6;
                    xs[tid + 896] = x7;
                    position += 128;
                    xFrom += 512;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
                context.mmaStore(s2, scratch, scratchAt + 2 * scratchStride, 0, 8);
                if (left > 3) {
                    context.mmaStore(s3, scratch, scratchAt + 3 * scratchStride, 0, 8);
                }
            }
        }
    }
}
