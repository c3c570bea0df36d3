package io.maseparation.moe;

/**
 * Formats of the matrices of a layer; routers, norms and biases are fp32.
 *
 * @param attention projections
 * @param experts routed experts
 * @param extra shared expert or dense feed-forward
 */
public record LayerFormats(Format attention, Format experts, Format extra) {
    /**
     * {@return all matrices in one format}
     *
     * @param format the format
     */
    public static LayerFormats all(Format format) {
        return new LayerFormats(format, format, format);
    }
}
