/**
 * Other projects' kernels for CPUs on the same data, beside those of this project: ggml (llama.cpp's), OpenBLAS, oneDNN
 * and PyTorch, whose shared libraries Maven's profile {@code peers} fetches and java.lang.foreign calls, and Jlama. And
 * a whole model beside llama.cpp's, with what writes its weights to files.
 * Nothing of them is part of this repository, and nothing here is used anywhere else.
 */
package io.maseparation.bench.peers;
