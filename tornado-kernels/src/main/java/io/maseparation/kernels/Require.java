package io.maseparation.kernels;

import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Checks of shapes at the entry of an operation, with messages that name the operation, the argument and both sizes.
 */
public final class Require {
    private Require() {}

    /** {@return the array, which has at least {@code expected} elements} */
    public static <T extends TornadoNativeArray> T length(
            String operation, String argument, @Nullable T array, long expected) {
        if (array == null) {
            throw new IllegalArgumentException("%s: %s is null".formatted(operation, argument));
        }
        if (array.getSize() < expected) {
            throw new IllegalArgumentException("%s: %s has %d elements, expected at least %d"
                    .formatted(operation, argument, array.getSize(), expected));
        }
        return array;
    }

    /** The array has the class that goes with the data type. */
    public static void type(String operation, String argument, @Nullable TornadoNativeArray array, Class<?> expected) {
        if (!expected.isInstance(array)) {
            throw new IllegalArgumentException("%s: %s is %s, expected %s"
                    .formatted(
                            operation,
                            argument,
                            array == null ? "null" : array.getClass().getSimpleName(),
                            expected.getSimpleName()));
        }
    }

    /** The number is at least {@code least}. */
    public static void atLeast(String operation, String argument, long actual, long least) {
        if (actual < least) {
            throw new IllegalArgumentException(
                    "%s: %s is %d, expected at least %d".formatted(operation, argument, actual, least));
        }
    }

    /** The number is finite and above 0. */
    public static void positive(String operation, String argument, float actual) {
        if (!(actual > 0) || actual > Float.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "%s: %s is %s, expected a finite number above 0".formatted(operation, argument, actual));
        }
    }

    /** {@code actual} is a multiple of {@code divisor}. */
    public static void multiple(String operation, String argument, int actual, int divisor) {
        if (divisor <= 0 || actual <= 0 || actual % divisor != 0) {
            throw new IllegalArgumentException(
                    "%s: %s is %d, expected a multiple of %d".formatted(operation, argument, actual, divisor));
        }
    }

    /** The step array has its three numbers. */
    public static void step(String operation, TornadoNativeArray step) {
        length(operation, "step", step, 3);
    }
}
