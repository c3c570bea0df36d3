package io.maseparation.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The bound of operations that read weights: how fast all cores together read memory that no cache holds, and copy it.
 * Bytes of a copy count twice, read and written.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
public class MemoryBandwidth {
    private static final long BYTES = 512L << 20;
    private static final int PARTS = 64;
    private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_PREFERRED;

    private MemorySegment from;
    private MemorySegment to;

    /** Touches all of the memory. */
    @Setup(Level.Trial)
    public void allocate() {
        Arena arena = Arena.ofAuto();
        from = arena.allocate(BYTES, 64);
        to = arena.allocate(BYTES, 64);
        from.fill((byte) 1);
        to.fill((byte) 2);
    }

    /** Reads. */
    @Benchmark
    public long read(RowBenchmark.Work work) {
        work.bytes += BYTES;
        long part = BYTES / PARTS;
        return IntStream.range(0, PARTS).parallel().mapToLong(i -> sum(from, i * part, part)).sum();
    }

    /** Reads and writes. */
    @Benchmark
    public void copy(RowBenchmark.Work work) {
        work.bytes += 2 * BYTES;
        long part = BYTES / PARTS;
        IntStream.range(0, PARTS).parallel().forEach(i -> MemorySegment.copy(from, i * part, to, i * part, part));
    }

    private static long sum(MemorySegment segment, long at, long bytes) {
        LongVector s0 = LongVector.zero(LONGS);
        LongVector s1 = s0;
        int stride = LONGS.vectorByteSize();
        for (long i = at; i < at + bytes; i += 2L * stride) {
            s0 = s0.add(LongVector.fromMemorySegment(LONGS, segment, i, ByteOrder.nativeOrder()));
            s1 = s1.add(LongVector.fromMemorySegment(LONGS, segment, i + stride, ByteOrder.nativeOrder()));
        }
        s0 = s0.add(s1);
        long sum = 0;
        for (int lane = 0; lane < LONGS.length(); lane++) {
            sum += s0.lane(lane);
        }
        return sum;
    }
}
