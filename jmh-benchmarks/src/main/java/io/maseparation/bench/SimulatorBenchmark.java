package io.maseparation.bench;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.SimulationResult;
import java.util.Collections;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How the simulator's time grows: one decode step of MA Separation 3:1 with two micro-batches and eight sequences per
 * rank, on A100s. The model has the seed's shape; beyond 16 ranks it has 256 narrower experts, so that there are enough
 * of them.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 3, time = 2)
@Fork(value = 1, jvmArgsAppend = "-Xmx4g")
public class SimulatorBenchmark {
    private static final int STEPS = 4;

    /** Ranks. */
    @Param({"16", "64", "256", "1024"})
    public int ranks;

    /** Layers of the model. */
    @Param({"4", "64"})
    public int layers;

    private Plan plan;
    private Cluster cluster;
    private Scenario scenario;

    /** Makes the plan. */
    @Setup(Level.Trial)
    public void plan() {
        ModelConfig seed = Presets.config("seed");
        ModelConfig.Layer layer = seed.layers().getFirst();
        if (ranks > 16) {
            layer = layer.withExperts(256, layer.routing().topK(), 1024);
        }
        ModelConfig config = seed.withLayers(Collections.nCopies(layers, layer));
        int experts = ranks / 4;
        plan = Planning.plan(config, Layout.separated(ranks - experts, experts).withMicroBatches(2));
        cluster = Clusters.named("a100x" + ranks);
        scenario = Scenario.decode(8 * ranks, 256).withSteps(STEPS - 1, 1);
    }

    /** Steps. */
    @Benchmark
    @OperationsPerInvocation(STEPS)
    public SimulationResult step() {
        return new Simulation(plan, cluster, scenario).run(false);
    }
}
