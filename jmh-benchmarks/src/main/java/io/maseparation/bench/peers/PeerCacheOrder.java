package io.maseparation.bench.peers;

/** What lies side by side in ggml's cache of keys and values. */
public enum PeerCacheOrder {
    /** The positions of a head, which is what ggml reads fastest. */
    heads,
    /** The heads of a position, which is how llama.cpp keeps them. */
    positions
}
