package io.maseparation.kernels.portable;

import io.maseparation.kernels.Activation;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/**
 * Building blocks that TornadoVM inlines: activations, and dot products for each weight format.
 *
 * <p>TornadoVM 5.2 takes the last branch's values where branches that end in loops meet, and says nothing. Bodies that
 * choose between dot products therefore finish the output inside each branch, or give a dot product no columns.
 */
public final class DeviceDots {
    private static final float SQRT_2_OVER_PI = 0.7978845608f;
    private static final float SQRT_HALF = 0.7071067812f;

    /** From here on GELU is max(v, 0). */
    private static final float GELU_FLAT = 12f;

    private DeviceDots() {}

    /** {@link Activation} number {@code code} of v. */
    static float activate(float v, int code) {
        if (code == 2) {
            float positive = v;
            if (v < 0f) {
                positive = 0f;
            }
            return positive;
        }
        if (code == 3) {
            return gelu(v);
        }
        // The tanh form of GELU is v · sigmoid(2 sqrt(2/π) (v + 0.044715 v³)).
        float z = v;
        if (code == 1) {
            z = 2f * SQRT_2_OVER_PI * (v + 0.044715f * v * v * v);
        }
        return v / (1f + TornadoMath.exp(-z));
    }

    /**
     * max(v, 0) - |v| erfc(|v| / √2) / 2, which neither cancels where v is negative nor is NaN where it is infinite;
     * erfc as Abramowitz and Stegun's 7.1.26, within 1.5e-7.
     */
    private static float gelu(float v) {
        float positive = v;
        if (v < 0f) {
            positive = 0f;
        }
        float size = 2f * positive - v;
        if (size > GELU_FLAT) {
            size = GELU_FLAT;
        }
        float z = size * SQRT_HALF;
        float t = 1f / (1f + 0.3275911f * z);
        float p = t * (0.254829592f
                + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
        return positive - 0.5f * size * p * TornadoMath.exp(-z * z);
    }

    /** act(gate) · up, or act(up) of an expert whose gate has no columns. */
    public static float combine(float gate, float up, int code, int gateCols) {
        if (gateCols > 0) {
            return activate(gate, code) * up;
        }
        return activate(up, code);
    }

    /** v limited to ±limit, unless the limit is 0. NaN stays, which minimum and maximum of a GPU do not keep. */
    public static float clip(float v, float limit) {
        if (limit > 0f) {
            float within = v;
            if (v > limit) {
                within = limit;
            }
            if (v < -limit) {
                within = -limit;
            }
            return within;
        }
        return v;
    }

    /** Writes an output of {@code QkvProjection}. */
    public static void store(float v, FloatArray bias, int r, int biased, float limit, FloatArray out, int at) {
        float value = v;
        if (biased != 0) {
            value += bias.get(r);
        }
        out.set(at, clip(value, limit));
    }

    /** Σ w[wAt + k] · x[xAt + k] of F32 weights, by one thread. */
    static float serial(FloatArray w, int wAt, FloatArray x, int xAt, int n) {
        float sum = 0f;
        for (int k = 0; k < n; k++) {
            sum += w.get(wAt + k) * x.get(xAt + k);
        }
        return sum;
    }

    /** Σ w[wAt + k] · x[xAt + k] of F16 weights, by one thread. */
    static float serial(HalfFloatArray w, int wAt, FloatArray x, int xAt, int n) {
        float sum = 0f;
        for (int k = 0; k < n; k++) {
            sum += w.get(wAt + k).getFloat32() * x.get(xAt + k);
        }
        return sum;
    }

    /** Σ w[wAt + k] · x[xAt + k] of BF16 weights, by one thread. */
    static float serial(BFloat16Array w, int wAt, FloatArray x, int xAt, int n) {
        float sum = 0f;
        for (int k = 0; k < n; k++) {
            sum += w.getFloat(wAt + k) * x.get(xAt + k);
        }
        return sum;
    }

    /**
     * The terms of a dot product that fall to one lane of a warp, F32 weights: eight loads in flight, lane stride 1.
     */
    public static float lane(FloatArray w, int wAt, FloatArray x, int xAt, int lane, int n) {
        float sum = 0f;
        int k = lane;
        for (; k + 224 < n; k += 256) {
            float w0 = w.get(wAt + k);
            float w1 = w.get(wAt + k + 32);
            float w2 = w.get(wAt + k + 64);
            float w3 = w.get(wAt + k + 96);
            float w4 = w.get(wAt + k + 128);
            float w5 = w.get(wAt + k + 160);
            float w6 = w.get(wAt + k + 192);
            float w7 = w.get(wAt + k + 224);
            sum += w0 * x.get(xAt + k);
            sum += w1 * x.get(xAt + k + 32);
            sum += w2 * x.get(xAt + k + 64);
            sum += w3 * x.get(xAt + k + 96);
            sum += w4 * x.get(xAt + k + 128);
            sum += w5 * x.get(xAt + k + 160);
            sum += w6 * x.get(xAt + k + 192);
            sum += w7 * x.get(xAt + k + 224);
        }
        for (; k < n; k += 32) {
            sum += w.get(wAt + k) * x.get(xAt + k);
        }
        return sum;
    }

    /**
     * The terms of a dot product that fall to one lane of a warp, F16 weights: eight loads in flight, lane stride 1.
     */
    public static float lane(HalfFloatArray w, int wAt, FloatArray x, int xAt, int lane, int n) {
        float sum = 0f;
        int k = lane;
        for (; k + 224 < n; k += 256) {
            float w0 = w.get(wAt + k).getFloat32();
            float w1 = w.get(wAt + k + 32).getFloat32();
            float w2 = w.get(wAt + k + 64).getFloat32();
            float w3 = w.get(wAt + k + 96).getFloat32();
            float w4 = w.get(wAt + k + 128).getFloat32();
            float w5 = w.get(wAt + k + 160).getFloat32();
            float w6 = w.get(wAt + k + 192).getFloat32();
            float w7 = w.get(wAt + k + 224).getFloat32();
            sum += w0 * x.get(xAt + k);
            sum += w1 * x.get(xAt + k + 32);
            sum += w2 * x.get(xAt + k + 64);
            sum += w3 * x.get(xAt + k + 96);
            sum += w4 * x.get(xAt + k + 128);
            sum += w5 * x.get(xAt + k + 160);
            sum += w6 * x.get(xAt + k + 192);
            sum += w7 * x.get(xAt + k + 224);
        }
        for (; k < n; k += 32) {
            sum += w.get(wAt + k).getFloat32() * x.get(xAt + k);
        }
        return sum;
    }

    /**
     * The terms of a dot product that fall to one lane of a warp, BF16 weights: eight loads in flight, lane stride 1.
     */
    public static float lane(BFloat16Array w, int wAt, FloatArray x, int xAt, int lane, int n) {
        float sum = 0f;
        int k = lane;
        for (; k + 224 < n; k += 256) {
            float w0 = w.getFloat(wAt + k);
            float w1 = w.getFloat(wAt + k + 32);
            float w2 = w.getFloat(wAt + k + 64);
            float w3 = w.getFloat(wAt + k + 96);
            float w4 = w.getFloat(wAt + k + 128);
            float w5 = w.getFloat(wAt + k + 160);
            float w6 = w.getFloat(wAt + k + 192);
            float w7 = w.getFloat(wAt + k + 224);
            sum += w0 * x.get(xAt + k);
            sum += w1 * x.get(xAt + k + 32);
            sum += w2 * x.get(xAt + k + 64);
            sum += w3 * x.get(xAt + k + 96);
            sum += w4 * x.get(xAt + k + 128);
            sum += w5 * x.get(xAt + k + 160);
            sum += w6 * x.get(xAt + k + 192);
            sum += w7 * x.get(xAt + k + 224);
        }
        for (; k < n; k += 32) {
            sum += w.getFloat(wAt + k) * x.get(xAt + k);
        }
        return sum;
    }
}
