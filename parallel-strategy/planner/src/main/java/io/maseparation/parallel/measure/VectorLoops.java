package io.maseparation.parallel.measure;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.LongSupplier;
import jdk.incubator.vector.FloatVector;

/** The loops of the Vector API. Loaded only where its module is. */
final class VectorLoops {
    private VectorLoops() {}

    /** Bits of the vectors it prefers. */
    static int bits() {
        return FloatVector.SPECIES_PREFERRED.vectorBitSize();
    }

    /** Reads at as many places at once as there can be; which number is best differs between processors. */
    static List<LongSupplier> reads(Arena arena, long bytes) {
        MemoryLoops memory = new MemoryLoops(arena, bytes);
        return List.of(() -> memory.read(1), () -> memory.read(2), () -> memory.read(4), () -> memory.read(8));
    }

    /** Multiply-adds in this form and in the plain one. */
    static List<LongSupplier> multiplyAdds() {
        return List.of(new MultiplyAddLoop()::run, new PlainLoops(0)::multiplyAdd);
    }
}
