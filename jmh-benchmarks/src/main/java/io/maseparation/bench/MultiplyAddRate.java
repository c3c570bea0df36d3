package io.maseparation.bench;

import io.maseparation.parallel.measure.MultiplyAddLoop;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The bound of operations on many rows: fp32 multiply-adds of all cores together, by the loop that {@code compare} and
 * {@code calibrate} take their bound from. The column {@code flops} is the rate of all threads.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Threads(Threads.MAX)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
public class MultiplyAddRate {
    private final MultiplyAddLoop loop = new MultiplyAddLoop();

    /** Multiplies and adds. */
    @Benchmark
    public void run(RowBenchmark.Work work) {
        work.flops += loop.run();
    }
}
