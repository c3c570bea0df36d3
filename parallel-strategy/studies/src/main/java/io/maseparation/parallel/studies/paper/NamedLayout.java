package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.layout.Strategy;
import io.maseparation.parallel.layout.StrategyOptions;
import java.util.ArrayList;
import java.util.List;

/** A layout that is tried, and its name in reports. */
record NamedLayout(String name, StrategyOptions options) {

    /** A layout under a name that says strategy, sizes and micro-batches. */
    static NamedLayout of(StrategyOptions options) {
        int m = options.microBatches();
        String name = switch (options.strategy()) {
            case SINGLE -> "one device";
            case TP_PP -> tensorPipelineName(options);
            case EP -> "EP" + options.expertParallel()
                    + (options.attentionTensorParallel() > 1
                            ? ", attention TP" + options.attentionTensorParallel()
                            : "");
            case MA -> "MA " + options.layout();
        };
        return new NamedLayout(
                name
                        + (options.dataParallel() > 1 ? " × DP" + options.dataParallel() : "")
                        + (m > 1 || options.pipelineParallel() > 1 || options.strategy() == Strategy.MA
                                ? ", m = " + m
                                : ""),
                options);
    }

    private static String tensorPipelineName(StrategyOptions options) {
        String tp = "TP" + options.tensorParallel();
        return options.pipelineParallel() > 1 ? tp + "×PP" + options.pipelineParallel() : tp;
    }

    /** MA with replicated attention and whole experts. */
    static NamedLayout ma(int attention, int experts, int microBatches) {
        return of(StrategyOptions.maSeparation(attention, experts).withMicroBatches(microBatches));
    }

    /** Tensor × pipeline parallelism. */
    static NamedLayout tensorPipeline(int tp, int pp, int microBatches) {
        return of(StrategyOptions.tensorPipeline(tp, pp).withMicroBatches(microBatches));
    }

    /** Expert parallelism with attention split over some of the ranks. */
    static NamedLayout expertParallel(int ranks, int attentionSlices) {
        return of(StrategyOptions.expertParallel(ranks).withAttentionTensorParallel(attentionSlices));
    }

    /**
     * Every ratio of MA with replicated attention on some devices, with 1 to {@code mostMicroBatches} micro-batches.
     */
    static List<NamedLayout> everyRatio(int devices, int mostMicroBatches) {
        List<NamedLayout> all = new ArrayList<>();
        for (int attention = 1; attention < devices; attention++) {
            for (int m = 1; m <= mostMicroBatches; m++) {
                all.add(ma(attention, devices - attention, m));
            }
        }
        return all;
    }
}
