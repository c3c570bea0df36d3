package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;

/** Models whose shapes are measured. The constants are their names, with what Java allows in one. */
public enum PeerModel {
    /** The seed's model; two of its sixteen experts, as on one of eight expert devices. */
    seed(4096, 32, 32, 2, 2, 16384, false),
    /** olmoe-1b-7b, with all experts of a layer. */
    olmoe_1b_7b(2048, 16, 16, 64, 8, 1024, true),
    /** mixtral-8x7b; four of its eight experts, as on one of two expert devices. */
    mixtral_8x7b(4096, 32, 8, 4, 2, 14336, true);

    /** Columns of a head. */
    static final int HEAD_DIM = 128;

    final int hidden;
    final int heads;
    final int kvHeads;
    final int experts;
    final int slots;
    final int width;
    final boolean gated;

    PeerModel(int hidden, int heads, int kvHeads, int experts, int slots, int width, boolean gated) {
        this.hidden = hidden;
        this.heads = heads;
        this.kvHeads = kvHeads;
        this.experts = experts;
        this.slots = slots;
        this.width = width;
        this.gated = gated;
    }

    /** How far a result may be off where products round activations to the format of the weights. */
    static double tolerance(DataType type) {
        return switch (type) {
            case F32 -> PeerBenchmark.FP32;
            case F16 -> PeerBenchmark.FP16;
            case BF16 -> PeerBenchmark.BF16;
        };
    }
}
