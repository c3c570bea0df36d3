package io.maseparation.kernels.operations;

import io.maseparation.kernels.Activation;
import io.maseparation.kernels.WeightMatrix;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** What the tests of operations with weight matrices share. */
final class DenseOps {
    /** Rounding of one fp32 operation. */
    static final double EPS = 0x1p-24;

    /** Lengths that are not multiples of a vector, a warp, a chunk or a tile, and some that are. */
    static final int[] LENGTHS = {1, 13, 64, 207, 1024, 4098};

    private DenseOps() {}

    /**
     * Bound on the error of a sum of n products of numbers below 1 in magnitude, in whatever order: √n · u · Σ|a·b|
     * with Σ|a·b| = n/4 (Higham and Mary, A new approach to probabilistic rounding error analysis, λ = 1), and never
     * below a few roundings of one number. A quarter of it was met by a row whose partial sums ran away from zero.
     */
    static double tolerance(int n) {
        return EPS * (8 + n / 4.0 * Math.sqrt(n));
    }

    /** Σ m[r,k] · x[xAt + k] in float64. */
    static double dot(WeightMatrix m, int r, FloatArray x, int xAt) {
        double sum = 0;
        for (int k = 0; k < m.cols(); k++) {
            sum += TestArrays.at(m, r, k) * x.get(xAt + k);
        }
        return sum;
    }

    /** Simpson's rule over the normal density between 0 and v. */
    private static double normalShareBelow(double v) {
        int n = 2000;
        double sum = 0;
        for (int i = 0; i <= n; i++) {
            double x = v * i / n;
            sum += (i == 0 || i == n ? 1 : i % 2 == 0 ? 2 : 4) * Math.exp(-x * x / 2);
        }
        return 0.5 + sum * v / n / 3 / Math.sqrt(2 * Math.PI);
    }

    /** {@link Activation} in float64. */
    static double activate(Activation a, double v) {
        return switch (a) {
            case SILU -> v / (1 + Math.exp(-v));
            case GELU_TANH -> 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)));
            case RELU -> Math.max(v, 0);
            case GELU -> v * normalShareBelow(v);
        };
    }
}
