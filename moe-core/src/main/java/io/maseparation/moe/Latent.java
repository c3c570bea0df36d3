package io.maseparation.moe;

/**
 * Keys and values of low rank (DeepSeek-AI, arXiv 2405.04434). Decoding works on the latent itself, with the
 * matrices that would make keys and values of it applied to queries and results instead.
 *
 * @param queryRank rank of the queries; 0 if they are projected directly
 * @param rank elements that keys and values are computed from
 * @param rotated elements of the rotated part of a key, which all heads share
 * @param plain elements of the other part of a head's key
 * @param value elements of a head's value
 */
public record Latent(int queryRank, int rank, int rotated, int plain, int value) {
    /** {@return elements that are cached for a position} */
    public int cached() {
        return rank + rotated;
    }
}
