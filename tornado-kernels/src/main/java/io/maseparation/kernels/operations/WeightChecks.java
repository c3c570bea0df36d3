package io.maseparation.kernels.operations;

import io.maseparation.kernels.Require;
import io.maseparation.kernels.WeightMatrix;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/** Checks of weight matrices at the entry of an operation. */
final class WeightChecks {
    private WeightChecks() {}

    /** The array's class goes with the data type, the device reads that type, and a row has {@code cols} elements. */
    static void require(KernelGraph g, String operation, String argument, WeightMatrix w, int cols) {
        if (w == null) {
            throw new IllegalArgumentException("%s: %s is null".formatted(operation, argument));
        }
        Class<?> array =
                switch (w.type()) {
                    case F32 -> FloatArray.class;
                    case F16 -> HalfFloatArray.class;
                    case BF16 -> BFloat16Array.class;
                };
        Require.type(operation, argument, w.data(), array);
        boolean readable =
                switch (w.type()) {
                    case F32 -> true;
                    case F16 -> g.target().fp16();
                    case BF16 -> g.target().bf16();
                };
        if (!readable) {
            throw new IllegalArgumentException("%s: %s is %s, which device %s cannot read"
                    .formatted(operation, argument, w.type(), g.target().name()));
        }
        if (w.cols() != cols) {
            throw new IllegalArgumentException(
                    "%s: %s has %d columns, expected %d".formatted(operation, argument, w.cols(), cols));
        }
    }

    /** Two matrices that one task reads have one data type. */
    static void sameType(String operation, String argument, WeightMatrix w, WeightMatrix other) {
        if (w.type() != other.type()) {
            throw new IllegalArgumentException(
                    "%s: %s is %s, expected %s".formatted(operation, argument, w.type(), other.type()));
        }
    }
}
