package io.maseparation.bench;

import io.maseparation.parallel.measure.MemoryLoops;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The bound of operations that read weights: how fast all cores together read memory that no cache holds, and copy it,
 * by the loops that {@code compare} and {@code calibrate} take their bounds from. The column {@code bytes} is the rate
 * of all threads; bytes of a copy count twice, read and written.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Threads(Threads.MAX)
@Fork(value = 1, jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class MemoryBandwidth {
    private static final long BYTES = 256L << 20;

    /** Places that each core reads at once; of no meaning for copies. */
    @Param({"1", "2", "4", "8"})
    public int streams;

    private final Arena arena = Arena.ofShared();
    private MemoryLoops memory;

    /** Touches all of the memory. */
    @Setup(Level.Trial)
    public void allocate() {
        memory = new MemoryLoops(arena, BYTES);
    }

    /** Frees it. */
    @TearDown(Level.Trial)
    public void free() {
        arena.close();
    }

    /** Reads. */
    @Benchmark
    public void read(RowBenchmark.Work work) {
        work.bytes += memory.read(streams);
    }

    /** Reads and writes. */
    @Benchmark
    public void copy(RowBenchmark.Work work) {
        work.bytes += memory.copy();
    }
}
