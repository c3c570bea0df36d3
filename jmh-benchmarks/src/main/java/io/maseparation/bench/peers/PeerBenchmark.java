package io.maseparation.bench.peers;

import io.maseparation.bench.RowBenchmark.Work;
import io.maseparation.kernels.operations.KernelGraph;
import java.util.Random;
import java.util.concurrent.TimeUnit;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.BenchmarkParams;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

/**
 * An operation by this project's host body ({@code ours}) and by peers, a method each, on the same numbers. A peer
 * whose result is another one, who does not have the operation or whose library is not there fails in set-up, and says
 * which it was.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {
    "--add-modules=jdk.incubator.vector",
    "--enable-native-access=ALL-UNNAMED",
    "-XX:MaxDirectMemorySize=12g"
})
public abstract class PeerBenchmark {
    /** Root mean square of differences over that of the results, where both compute in fp32. */
    static final double FP32 = 1e-5;
    /** The same where the peer rounds activations to fp16. */
    static final double FP16 = 2e-3;
    /** The same where it rounds them, or the result, to bf16. */
    static final double BF16 = 1.5e-2;

    private Trial trial;
    private Runnable run;

    /** Adds the operation of this project, and says how peers do the same. */
    abstract PeerCase operation(KernelGraph graph, Random random);

    /** Builds what a method runs, and holds a peer's results against ours. */
    @Setup(Level.Trial)
    public void build(BenchmarkParams params) {
        trial = new Trial(this::operation);
        String name = params.getBenchmark();
        String method = name.substring(name.lastIndexOf('.') + 1);
        run = method.equals("ours") ? trial.ours() : trial.checked(Peer.valueOf(method));
    }

    /** Frees what this project's method ran. */
    @TearDown(Level.Trial)
    public void close() throws TornadoExecutionPlanException {
        trial.close();
    }

    /** The host body of this project. */
    @Benchmark
    public void ours(Work work) {
        step(work);
    }

    /** llama.cpp's library. */
    @Benchmark
    public void ggml(Work work) {
        step(work);
    }

    /** OpenBLAS. */
    @Benchmark
    public void openBlas(Work work) {
        step(work);
    }

    /** oneDNN. */
    @Benchmark
    public void oneDnn(Work work) {
        step(work);
    }

    /** PyTorch. */
    @Benchmark
    public void torch(Work work) {
        step(work);
    }

    /** Jlama. */
    @Benchmark
    public void jlama(Work work) {
        step(work);
    }

    private void step(Work work) {
        run.run();
        work.bytes += trial.cost().bytes();
        work.flops += trial.cost().flops();
    }
}
