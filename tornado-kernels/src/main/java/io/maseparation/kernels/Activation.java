package io.maseparation.kernels;

/** Non-linearity of an expert. */
public enum Activation {
    /** x · sigmoid(x), of gated experts. */
    SILU,
    /** The tanh approximation of GELU (Hendrycks and Gimpel, arXiv 1606.08415). */
    GELU_TANH,
    /** max(x, 0). */
    RELU;

    /** Constant that kernels receive, since a kernel takes no enums. */
    public int code() {
        return ordinal();
    }
}
