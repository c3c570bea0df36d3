package io.maseparation.bench.peers;

/** Who is measured beside this project. The constants have the names of the benchmarks' methods. */
enum Peer {
    ggml, openBlas, oneDnn, torch, jlama
}
