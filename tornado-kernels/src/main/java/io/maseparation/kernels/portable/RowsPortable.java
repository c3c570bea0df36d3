package io.maseparation.kernels.portable;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Portable bodies of operations on whole rows: one thread per element. */
public final class RowsPortable {
    private RowsPortable() {}

    /** {@code Embedding} from a table in F32. */
    public static void embedF32(
            IntArray step,
            IntArray tokens,
            FloatArray table,
            FloatArray x,
            int offset,
            int stride,
            int n,
            float multiplier) {
        int first = step.get(0);
        int count = step.get(1);
        for (@Parallel int i = 0; i < count * n; i++) {
            int c = i % n;
            int row = first + i / n;
            x.set(row * n + c, multiplier * table.get(offset + tokens.get(row) * stride + c));
        }
    }

    /** {@code Embedding} from a table in F16. */
    public static void embedF16(
            IntArray step,
            IntArray tokens,
            HalfFloatArray table,
            FloatArray x,
            int offset,
            int stride,
            int n,
            float multiplier) {
        int first = step.get(0);
        int count = step.get(1);
        for (@Parallel int i = 0; i < count * n; i++) {
            int c = i % n;
            int row = first + i / n;
            x.set(row * n + c, multiplier * table.get(offset + tokens.get(row) * stride + c).getFloat32());
        }
    }

    /** {@code Embedding} from a table in BF16. */
    public static void embedBf16(
            IntArray step,
            IntArray tokens,
            BFloat16Array table,
            FloatArray x,
            int offset,
            int stride,
            int n,
            float multiplier) {
        int first = step.get(0);
        int count = step.get(1);
        for (@Parallel int i = 0; i < count * n; i++) {
            int c = i % n;
            int row = first + i / n;
            x.set(row * n + c, multiplier * table.getFloat(offset + tokens.get(row) * stride + c));
        }
    }

    /** See {@code ResidualAdd}. */
    public static void residualAdd(IntArray step, FloatArray y, FloatArray x, int n, float scale) {
        int from = step.get(0) * n;
        int count = step.get(1) * n;
        for (@Parallel int i = 0; i < count; i++) {
            x.set(from + i, x.get(from + i) + scale * y.get(from + i));
        }
    }

    /** See {@code Clip}. */
    public static void clip(IntArray step, FloatArray x, int n, float limit) {
        int from = step.get(0) * n;
        int count = step.get(1) * n;
        for (@Parallel int i = 0; i < count; i++) {
            x.set(from + i, DeviceDots.clip(x.get(from + i), limit));
        }
    }

    /** See {@code SelectRows}. */
    public static void selectRows(IntArray step, IntArray rowIndex, FloatArray in, FloatArray out, int n) {
        int first = step.get(0);
        int count = step.get(1);
        for (@Parallel int i = 0; i < count * n; i++) {
            int c = i % n;
            int row = first + i / n;
            out.set(row * n + c, in.get(rowIndex.get(row) * n + c));
        }
    }

    /** See {@code ArgMax}: one thread per row. */
    @SuppressWarnings("IdentityBinaryExpression") // Float.isNaN, in code that TornadoVM compiles
    public static void argMax(IntArray step, FloatArray logits, IntArray best, int n) {
        int first = step.get(0);
        int count = step.get(1);
        for (@Parallel int i = 0; i < count; i++) {
            int at = (first + i) * n;
            float highest = -3.4028235e38f;
            int index = 0;
            int broken = 0;
            for (int c = 0; c < n; c++) {
                float v = logits.get(at + c);
                if (v > highest) {
                    highest = v;
                    index = c;
                }
                if (v != v || v > 3.4028235e38f || v < -3.4028235e38f) {
                    broken = 1;
                }
            }
            if (broken == 1) {
                index = -1;
            }
            best.set(first + i, index);
        }
    }
}
