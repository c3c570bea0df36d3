package io.maseparation.parallel.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.execute.TestDevices;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.Equipment;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RankLoader;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/** Engines for tests, on devices that keep their memory apart. */
final class Engines {
    /** All strategies, with one micro-batch and more. */
    static final List<Setup> SETUPS = List.of(
            Layout.single().withMicroBatches(1),
            Layout.tensorPipeline(2, 2).withMicroBatches(2),
            Layout.expertParallel(2).withMicroBatches(1),
            Layout.separated(1, 1).withMicroBatches(2),
            Layout.separated(3, 1).withMicroBatches(2),
            Layout.separated(3, 1).withMicroBatches(3));

    private static final List<Device> DEVICES = TestDevices.strict(4);

    private Engines() {}

    static ExecutionOptions options() {
        return ExecutionOptions.defaults().withDevices(DEVICES);
    }

    static EngineCore start(ModelWeights weights, Setup setup, EngineLimits limits) {
        return start(weights, setup, limits, BlockPool::new);
    }

    static EngineCore start(ModelWeights weights, Setup setup, EngineLimits limits, IntFunction<KvPool> pools) {
        return start(weights, setup, limits, options(), pools);
    }

    static EngineCore start(
            ModelWeights weights, Setup setup, EngineLimits limits, ExecutionOptions options,
            IntFunction<KvPool> pools) {
        return new EngineCore(
                Planning.plan(weights.config(), setup), new Equipment(weights, options, RankLoader.real()), limits,
                Optional.empty(), () -> true, pools);
    }

    /** What has ended leaves its slot and its cache when the step ends that it was in. */
    static void assertComesToRest(EngineCore engine) throws Exception {
        long start = System.nanoTime();
        while (!engine.isIdle().get(10, TimeUnit.SECONDS)) {
            assertThat(System.nanoTime() - start).as("time until no slot and no position is taken")
                    .isLessThan(10_000_000_000L);
            Thread.sleep(1);
        }
    }
}
