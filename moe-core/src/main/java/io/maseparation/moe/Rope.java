package io.maseparation.moe;

/**
 * Rotary position embedding (Su et al., arXiv 2104.09864) in the half-split form of Hugging Face: element i of a head
 * is rotated with element i + headDim / 2.
 *
 * @param theta base of the frequencies
 * @param scaling divisor of positions ("linear" scaling); 1 for none
 */
public record Rope(double theta, double scaling) {

    /**
     * {@return angle of pair {@code i} at {@code position}, in radians}
     *
     * @param position index of the token in its sequence
     * @param i index of the pair within a head
     * @param headDim elements of a head; even
     */
    public double angle(int position, int i, int headDim) {
        return position / scaling * Math.pow(theta, -2.0 * i / headDim);
    }
}
