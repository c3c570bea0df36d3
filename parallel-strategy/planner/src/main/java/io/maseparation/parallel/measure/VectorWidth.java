package io.maseparation.parallel.measure;

import jdk.incubator.vector.FloatVector;

/** Asks the Vector API. Loaded only where its module is. */
final class VectorWidth {
    private VectorWidth() {}

    /** Bits of the vectors it prefers. */
    static int bits() {
        return FloatVector.SPECIES_PREFERRED.vectorBitSize();
    }
}
