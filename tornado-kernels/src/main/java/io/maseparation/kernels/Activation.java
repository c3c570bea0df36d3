package io.maseparation.kernels;

/** Non-linearity of an expert. */
public enum Activation {
    /** x · sigmoid(x), of gated experts. */
    SILU,
    /** The tanh approximation of GELU (Hendrycks and Gimpel, arXiv 1606.08415). */
    GELU_TANH,
    /** max(x, 0). */
    RELU,
    /** GELU itself: x times the normal distribution's share below x, (1 + erf(x / √2)) / 2. */
    GELU;

    /** Constant that kernels receive, since a kernel takes no enums. */
    public int code() {
        return ordinal();
    }
}
