package io.maseparation.bench;

import io.maseparation.parallel.balance.BalanceProblem;
import io.maseparation.parallel.balance.Dispatch;
import io.maseparation.parallel.balance.DispatchCost;
import io.maseparation.parallel.balance.ExpertBalancer;
import io.maseparation.parallel.balance.ExpertPlacement;
import io.maseparation.parallel.balance.ReplicaDispatch;
import java.util.SplittableRandom;
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
import org.openjdk.jmh.annotations.Warmup;

/**
 * How long the decisions of one layer take while a model runs: which replica serves which tokens of a step, and where
 * experts go next. 256 experts on 64 ranks with one spare slot each, 32,768 tokens per step.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(1)
public class BalanceBenchmark {
    private static final int EXPERTS = 256;
    private static final int RANKS = 64;
    private static final int SLOTS = 5;
    private static final int TOKENS = 32_768;
    private static final int STEPS = 64;

    /** Exponent of the popularity of experts. */
    @Param({"0", "0.6", "1.2"})
    public double skew;

    /** What takes a rank's time. */
    @Param({"compute", "memory", "both"})
    public String bound;

    private double[] loads;
    private ReplicaDispatch dispatch;
    private int[][] steps;
    private int step;

    /** Draws loads, and steps with counts that differ from them by up to a half. */
    @Setup(Level.Trial)
    public void draw() {
        SplittableRandom random = new SplittableRandom(1);
        loads = new double[EXPERTS];
        double sum = 0;
        for (int e = 0; e < EXPERTS; e++) {
            loads[e] = Math.pow(1 + e, -skew);
            sum += loads[e];
        }
        for (int e = EXPERTS - 1; e > 0; e--) {
            int other = random.nextInt(e + 1);
            double load = loads[e];
            loads[e] = loads[other];
            loads[other] = load;
        }
        steps = new int[STEPS][EXPERTS];
        for (int[] of : steps) {
            for (int e = 0; e < EXPERTS; e++) {
                of[e] = (int) (TOKENS * loads[e] / sum * (0.5 + random.nextDouble()));
            }
        }
        DispatchCost cost = switch (bound) {
            case "compute" -> DispatchCost.roofline(1e-6, 1e-6);
            case "memory" -> DispatchCost.roofline(1e-5, 1e-9);
            default -> DispatchCost.sum(1e-5, 1e-7);
        };
        dispatch = new ReplicaDispatch(placement(), cost);
    }

    /** Divides the tokens of a step among replicas. */
    @Benchmark
    public Dispatch dispatch() {
        step = (step + 1) % STEPS;
        return dispatch.decide(steps[step]);
    }

    /** Finds a placement for the loads. */
    @Benchmark
    public ExpertPlacement placement() {
        return ExpertBalancer.quick(BalanceProblem.of(loads, RANKS, SLOTS));
    }
}
