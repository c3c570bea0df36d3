package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;
import java.lang.foreign.MemorySegment;

/**
 * What a peer is to multiply: {@code out[row, o] = Σ weights[o, k] · x[row, k]}.
 *
 * @param type format of the weights
 * @param rows rows of x
 * @param outputs rows of the weights
 * @param columns columns of both
 * @param x fp32, [rows, columns]
 * @param weights [outputs, columns]
 */
record Product(DataType type, int rows, int outputs, int columns, MemorySegment x, MemorySegment weights) {
    /** Who computes it. */
    Contender by(Peer peer) {
        return switch (peer) {
            case ggml -> {
                Ggml ggml = new Ggml();
                MemorySegment w = ggml.weights(type, weights, columns, outputs);
                MemorySegment in = ggml.input(DataType.F32, x, columns, rows);
                yield ggml.contender(ggml.then("ggml_mul_mat", w, in), (long) rows * outputs);
            }
            case openBlas -> OpenBlas.product(this);
            case oneDnn -> OneDnn.product(this);
            case torch -> Torch.product(this);
            case jlama -> Jlama.product(this);
        };
    }
}
