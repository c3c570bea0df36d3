package io.maseparation.kernels.portable;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Portable bodies of {@code ExpertUp} and {@code ExpertDown}: one thread per output. */
public final class ExpertPortable {
    private ExpertPortable() {}

    /** {@code ExpertUp} with F32 weights. */
    public static void upF32(
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            FloatArray gate,
            FloatArray up,
            FloatArray hidden,
            int firstGroup,
            int experts,
            int width,
            int cols,
            int hiddenStride,
            int slots,
            int mode,
            int gateOffset,
            int gateStride,
            int gateExpert,
            int upOffset,
            int upStride,
            int upExpert) {
        int first = offsets.get(firstGroup);
        int total = offsets.get(firstGroup + experts) - first;
        int code = mode & 7;
        // An expert without a gate gives its gate no columns.
        int gateCols = (mode >> 3) * cols;
        for (@Parallel int i = 0; i < total * width; i++) {
            int r = i % width;
            int p = first + i / width;
            int expert = 0;
            for (int e = 1; e < experts; e++) {
                if (p >= offsets.get(firstGroup + e)) {
                    expert = e;
                }
            }
            int xAt = pairs.get(p) / slots * cols;
            float g = DeviceDots.serial(gate, gateOffset + expert * gateExpert + r * gateStride, x, xAt, gateCols);
            float u = DeviceDots.serial(up, upOffset + expert * upExpert + r * upStride, x, xAt, cols);
            hidden.set(p * hiddenStride + r, DeviceDots.combine(g, u, code, gateCols));
        }
    }

    /** {@code ExpertUp} with F16 weights. */
    public static void upF16(
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            HalfFloatArray gate,
            HalfFloatArray up,
            FloatArray hidden,
            int firstGroup,
            int experts,
            int width,
            int cols,
            int hiddenStride,
            int slots,
            int mode,
            int gateOffset,
            int gateStride,
            int gateExpert,
            int upOffset,
            int upStride,
            int upExpert) {
        int first = offsets.get(firstGroup);
        int total = offsets.get(firstGroup + experts) - first;
        int code = mode & 7;
        // An expert without a gate gives its gate no columns.
        int gateCols = (mode >> 3) * cols;
        for (@Parallel int i = 0; i < total * width; i++) {
            int r = i % width;
            int p = first + i / width;
            int expert = 0;
            for (int e = 1; e < experts; e++) {
                if (p >= offsets.get(firstGroup + e)) {
                    expert = e;
                }
            }
            int xAt = pairs.get(p) / slots * cols;
            float g = DeviceDots.serial(gate, gateOffset + expert * gateExpert + r * gateStride, x, xAt, gateCols);
            float u = DeviceDots.serial(up, upOffset + expert * upExpert + r * upStride, x, xAt, cols);
            hidden.set(p * hiddenStride + r, DeviceDots.combine(g, u, code, gateCols));
        }
    }

    /** {@code ExpertUp} with BF16 weights. */
    public static void upBf16(
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            BFloat16Array gate,
            BFloat16Array up,
            FloatArray hidden,
            int firstGroup,
            int experts,
            int width,
            int cols,
            int hiddenStride,
            int slots,
            int mode,
            int gateOffset,
            int gateStride,
            int gateExpert,
            int upOffset,
            int upStride,
            int upExpert) {
        int first = offsets.get(firstGroup);
        int total = offsets.get(firstGroup + experts) - first;
        int code = mode & 7;
        // An expert without a gate gives its gate no columns.
        int gateCols = (mode >> 3) * cols;
        for (@Parallel int i = 0; i < total * width; i++) {
            int r = i % width;
            int p = first + i / width;
            int expert = 0;
            for (int e = 1; e < experts; e++) {
                if (p >= offsets.get(firstGroup + e)) {
                    expert = e;
                }
            }
            int xAt = pairs.get(p) / slots * cols;
            float g = DeviceDots.serial(gate, gateOffset + expert * gateExpert + r * gateStride, x, xAt, gateCols);
            float u = DeviceDots.serial(up, upOffset + expert * upExpert + r * upStride, x, xAt, cols);
            hidden.set(p * hiddenStride + r, DeviceDots.combine(g, u, code, gateCols));
        }
    }

    /** {@code ExpertDown} with F32 weights. */
    public static void downF32(
            FloatArray hidden,
            IntArray offsets,
            IntArray pairs,
            FloatArray down,
            FloatArray out,
            int firstGroup,
            int experts,
            int rows,
            int width,
            int hiddenStride,
            int offset,
            int stride,
            int expertStride) {
        int first = offsets.get(firstGroup);
        int total = offsets.get(firstGroup + experts) - first;
        for (@Parallel int i = 0; i < total * rows; i++) {
            int r = i % rows;
            int p = first + i / rows;
            int expert = 0;
            for (int e = 1; e < experts; e++) {
                if (p >= offsets.get(firstGroup + e)) {
                    expert = e;
                }
            }
            int wAt = offset + expert * expertStride + r * stride;
            out.set(pairs.get(p) * rows + r, DeviceDots.serial(down, wAt, hidden, p * hiddenStride, width));
        }
    }

    /** {@code ExpertDown} with F16 weights. */
    public static void downF16(
            FloatArray hidden,
            IntArray offsets,
            IntArray pairs,
            HalfFloatArray down,
            FloatArray out,
            int firstGroup,
            int experts,
            int rows,
            int width,
            int hiddenStride,
            int offset,
            int stride,
            int expertStride) {
        int first = offsets.get(firstGroup);
        int total = offsets.get(firstGroup + experts) - first;
        for (@Parallel int i = 0; i < total * rows; i++) {
            int r = i % rows;
            int p = first + i / rows;
            int expert = 0;
            for (int e = 1; e < experts; e++) {
                if (p >= offsets.get(firstGroup + e)) {
                    expert = e;
                }
            }
            int wAt = offset + expert * expertStride + r * stride;
            out.set(pairs.get(p) * rows + r, DeviceDots.serial(down, wAt, hidden, p * hiddenStride, width));
        }
    }

    /** {@code ExpertDown} with BF16 weights. */
    public static void downBf16(
            FloatArray hidden,
            IntArray offsets,
            IntArray pairs,
            BFloat16Array down,
            FloatArray out,
            int firstGroup,
            int experts,
            int rows,
            int width,
            int hiddenStride,
            int offset,
            int stride,
            int expertStride) {
        int first = offsets.get(firstGroup);
        int total = offsets.get(firstGroup + experts) - first;
        for (@Parallel int i = 0; i < total * rows; i++) {
            int r = i % rows;
            int p = first + i / rows;
            int expert = 0;
            for (int e = 1; e < experts; e++) {
                if (p >= offsets.get(firstGroup + e)) {
                    expert = e;
                }
            }
            int wAt = offset + expert * expertStride + r * stride;
            out.set(pairs.get(p) * rows + r, DeviceDots.serial(down, wAt, hidden, p * hiddenStride, width));
        }
    }
}
