package io.maseparation.parallel.measure;

import io.maseparation.parallel.threads.ParallelMap;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Peak throughput of this machine's cores, measured in a second or two: a yardstick for MBU and MFU of runs on the
 * embedded device. Each is the best of several loops in many short rounds, so other loops do not exceed it unless
 * something else kept the cores busy in every round. Memory is shared: its rate is that of a round in which all cores
 * read. Multiply-adds are not: theirs is the sum of each core's best round.
 *
 * @param bytesPerSecond read bandwidth of all cores together, over {@value #READ_MIB} MiB
 * @param flopsPerSecond fp32 fused multiply-adds of all cores together, each counted as two
 */
public record HostPeak(double bytesPerSecond, double flopsPerSecond) {
    /** Memory that is read: more than caches usually hold. */
    private static final int READ_MIB = 512;

    /** {@return what all cores reach together, measured now} */
    public static HostPeak measure() {
        return measure(Runtime.getRuntime().availableProcessors());
    }

    /**
     * What some cores reach together.
     *
     * @param cores how many, at least 1
     */
    static HostPeak measure(int cores) {
        boolean vectors = vectorBits() > 0;
        int mib = Math.max(16, READ_MIB / cores);
        try (Arena arena = Arena.ofShared()) {
            Rounds reads = onCores(
                    cores, () -> vectors ? VectorLoops.reads(arena, (long) mib << 20) : PlainLoops.reads(mib << 17));
            Rounds multiplyAdds = onCores(
                    cores, () -> vectors ? VectorLoops.multiplyAdds() : List.of(new PlainLoops(0)::multiplyAdd));
            return new HostPeak(
                    Math.max(reads.together(), Arrays.stream(reads.each()).max().orElse(0)),
                    Arrays.stream(multiplyAdds.each()).sum());
        }
    }

    /** {@return bits of a vector register as the Vector API uses them; 0 if its module is not loaded} */
    public static int vectorBits() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent() ? VectorLoops.bits() : 0;
    }

    /**
     * Runs loops on cores at once.
     *
     * @param loops makes the loops of one core, each call of which returns how much it did
     */
    private static Rounds onCores(int cores, Supplier<List<LongSupplier>> loops) {
        ParallelMap threads = new ParallelMap("peak", cores, () -> {});
        List<List<LongSupplier>> made = threads.map(Collections.nCopies(cores, loops), Supplier::get);
        Rounds rounds = new Rounds(cores, made.getFirst().size());
        threads.map(made, rounds::take);
        return rounds;
    }
}
