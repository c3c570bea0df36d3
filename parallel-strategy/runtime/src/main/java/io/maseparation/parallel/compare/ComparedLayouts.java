package io.maseparation.parallel.compare;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** The layouts that are worth comparing: every strategy on as many ranks, as far as the model allows. */
public final class ComparedLayouts {
    private ComparedLayouts() {}

    /**
     * {@return layouts of all strategies}
     *
     * @param config the model
     * @param devices ranks of every strategy but single; fewer where the model cannot be divided that way
     * @param microBatches of the strategies that have several ranks in a row: tp-pp and ma
     */
    public static List<Setup> of(ModelConfig config, int devices, int microBatches) {
        Set<Setup> setups = new LinkedHashSet<>();
        setups.add(Layout.single().withMicroBatches(1));
        largest(devices, n -> tensorPipeline(config, n))
                .map(l -> l.withMicroBatches(l.stages() > 1 ? microBatches : 1))
                .ifPresent(setups::add);
        largest(devices, n -> possible(config, Layout.expertParallel(n)))
                .map(l -> l.withMicroBatches(1))
                .ifPresent(setups::add);
        for (int experts : new int[] {1, devices / 2}) {
            largest(experts, m -> possible(config, Layout.separated(devices - m, m)))
                    .map(l -> l.withMicroBatches(microBatches))
                    .ifPresent(setups::add);
        }
        return List.copyOf(setups);
    }

    private static Optional<Layout> largest(int most, IntFunction<Optional<Layout>> layout) {
        return IntStream.iterate(most, n -> n >= 1, n -> n - 1)
                .mapToObj(layout)
                .flatMap(Optional::stream)
                .findFirst();
    }

    /** The most even division into slices and stages. */
    private static Optional<Layout> tensorPipeline(ModelConfig config, int ranks) {
        if (ranks < 2) {
            return Optional.empty();
        }
        return IntStream.rangeClosed(1, ranks)
                .filter(tp -> ranks % tp == 0)
                .boxed()
                .sorted(Comparator.comparingInt((Integer tp) -> Math.abs(tp - ranks / tp)).thenComparingInt(tp -> -tp))
                .map(tp -> possible(config, Layout.tensorPipeline(tp, ranks / tp)))
                .flatMap(Optional::stream)
                .findFirst();
    }

    private static Optional<Layout> possible(ModelConfig config, Layout layout) {
        try {
            Planning.plan(config, layout);
            return Optional.of(layout);
        } catch (PlanException e) {
            return Optional.empty();
        }
    }
}
