package io.maseparation.bench;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.KernelTarget;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.AuxCounters;
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
import org.openjdk.jmh.annotations.Warmup;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * One operation on the rows of a step, executed as an application does: a task graph with one operation. Besides
 * operations per second a benchmark reports the bytes and floating-point operations per second that the declared cost
 * stands for.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {
    "--add-modules=jdk.incubator.vector",
    "--enable-native-access=ALL-UNNAMED",
    "-XX:MaxDirectMemorySize=6g"
})
public abstract class RowBenchmark {
    /** Columns of the seed's model. */
    static final int HIDDEN = 4096;
    /** Its query heads, which are also its key heads. */
    static final int HEADS = 32;
    /** Columns of a head. */
    static final int HEAD_DIM = 128;
    /** Positions in the cache of each sequence. */
    static final int CONTEXT = 2048;
    /** Experts. */
    static final int EXPERTS = 16;
    /** Experts that a row is sent to. */
    static final int TOP_K = 2;

    /** Body under test. */
    @Param({"PORTABLE", "HOST"})
    public Body body;

    /** Rows of the step. */
    @Param({"1", "24"})
    public int rows;

    private TornadoExecutionPlan plan;
    private OpCost cost;

    /** What the declared cost adds up to; JMH divides by the time. */
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    @State(Scope.Thread)
    public static class Work {
        /** Bytes that had to move. */
        public long bytes;
        /** Floating-point operations. */
        public long flops;
    }

    /** Adds the operation under test; its cost. */
    abstract OpCost operation(KernelGraph graph, Random random);

    /** Builds the plan. */
    @Setup(Level.Trial)
    public void build() {
        GridScheduler grid = new GridScheduler();
        KernelGraph graph =
                new KernelGraph("bench", KernelTarget.embeddedDevice().withBody(body), grid);
        cost = operation(graph, new Random(1));
        plan = new TornadoExecutionPlan(graph.build());
    }

    /** Frees the plan. */
    @TearDown(Level.Trial)
    public void close() throws TornadoExecutionPlanException {
        plan.close();
    }

    /** One step: an execution of the operation. */
    @Benchmark
    public void step(Work work) {
        plan.execute();
        work.bytes += cost.bytes();
        work.flops += cost.flops();
    }

    /** Keys and values of sequences with a full context. */
    static KvCache cache(Random random, DataType type, int sequences) {
        KvCache cache = KvCache.zeros(type, sequences * KvCache.blocks(CONTEXT), HEADS, HEAD_DIM);
        for (TornadoNativeArray array : List.of(cache.keys().getFirst(), cache.values().getFirst())) {
            if (array instanceof FloatArray floats) {
                for (int i = 0; i < floats.getSize(); i++) {
                    floats.set(i, random.nextFloat() * 2 - 1);
                }
            }
        }
        return cache;
    }

    /** Position and cache of each row, where each is the last position of its own sequence. */
    final IntArray lastPositions() {
        int blocks = KvCache.blocks(CONTEXT);
        IntArray rowInfo = new IntArray((3 + blocks) * rows);
        for (int row = 0; row < rows; row++) {
            rowInfo.set(3 * row, CONTEXT - 1);
            rowInfo.set(3 * row + 1, 3 * rows + row * blocks);
            rowInfo.set(3 * row + 2, CONTEXT - 1);
        }
        scatterBlocks(rowInfo, 3 * rows);
        return rowInfo;
    }

    /** Gives the tables of blocks from an index on all blocks, in a random order. */
    public static void scatterBlocks(IntArray rowInfo, int from) {
        List<Integer> blocks =
                new ArrayList<>(IntStream.range(0, rowInfo.getSize() - from).boxed().toList());
        Collections.shuffle(blocks, new Random(2));
        for (int i = 0; i < blocks.size(); i++) {
            rowInfo.set(from + i, blocks.get(i));
        }
    }

    /** Numbers between -1 and 1. */
    public static FloatArray random(Random random, int n) {
        FloatArray array = DeviceArrays.floats(n);
        for (int i = 0; i < n; i++) {
            array.set(i, random.nextFloat() * 2 - 1);
        }
        return array;
    }
}
