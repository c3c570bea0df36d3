package io.maseparation.parallel.compare;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.StrategyOptions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/** The layouts that are worth comparing: every strategy on as many ranks, as far as the model allows. */
public final class ComparedLayouts {
    private ComparedLayouts() {}

    /**
     * Layouts of all strategies.
     *
     * @param devices ranks of every strategy but single; fewer where the model cannot be divided that way
     * @param microBatches of the strategies that have several ranks in a row: tp-pp and ma
     */
    public static List<StrategyOptions> of(ModelConfig config, int devices, int microBatches) {
        Set<StrategyOptions> layouts = new LinkedHashSet<>();
        layouts.add(StrategyOptions.single());
        largest(devices, n -> tensorPipeline(config, n, microBatches)).ifPresent(layouts::add);
        largest(devices, n -> possible(config, StrategyOptions.expertParallel(n))).ifPresent(layouts::add);
        layouts.addAll(separated(config, devices, microBatches));
        return List.copyOf(layouts);
    }

    private static List<StrategyOptions> separated(ModelConfig config, int devices, int microBatches) {
        List<StrategyOptions> found = new ArrayList<>();
        for (int experts : new int[] {1, devices / 2}) {
            largest(experts, m -> possible(config, StrategyOptions.maSeparation(devices - m, m)))
                    .map(o -> o.withMicroBatches(microBatches))
                    .ifPresent(found::add);
        }
        return found;
    }

    private interface Sized {
        Optional<StrategyOptions> of(int ranks);
    }

    private static Optional<StrategyOptions> largest(int most, Sized layout) {
        return IntStream.iterate(most, n -> n >= 1, n -> n - 1)
                .mapToObj(layout::of)
                .flatMap(Optional::stream)
                .findFirst();
    }

    /** The most even division into slices and stages. */
    private static Optional<StrategyOptions> tensorPipeline(ModelConfig config, int ranks, int microBatches) {
        if (ranks < 2) {
            return Optional.empty();
        }
        return IntStream.rangeClosed(1, ranks)
                .filter(tp -> ranks % tp == 0)
                .boxed()
                .sorted(Comparator.comparingInt((Integer tp) -> Math.abs(tp - ranks / tp)).thenComparingInt(tp -> -tp))
                .map(tp -> StrategyOptions.tensorPipeline(tp, ranks / tp))
                .map(o -> o.pipelineParallel() > 1 ? o.withMicroBatches(microBatches) : o)
                .map(o -> possible(config, o))
                .flatMap(Optional::stream)
                .findFirst();
    }

    private static Optional<StrategyOptions> possible(ModelConfig config, StrategyOptions options) {
        try {
            Planning.plan(config, options);
            return Optional.of(options);
        } catch (PlanException e) {
            return Optional.empty();
        }
    }
}
