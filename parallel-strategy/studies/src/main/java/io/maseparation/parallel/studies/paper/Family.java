package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.simulate.Scenario;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Layouts of one kind, of which the fastest counts. */
record Family(String name, List<Setup> layouts) {
    static final String MA = "MA, best ratio";
    static final String THREE_TO_ONE = "MA 12:4";
    static final String UNPIPELINED = "TP8×PP2, m = 1";
    static final String TENSOR_PIPELINE = "TP×PP, best m";
    static final String TENSOR = "TP16, best m";
    static final String EXPERT = "EP16, best m";
    static final String EXPERT_TENSOR = "EP16, attention tp 8, best m";
    static final String COLOCATED = "the best without separation";
    static final int MOST_MICRO_BATCHES = 3;

    Family {
        layouts = List.copyOf(layouts);
    }

    /** What the paper compares, and what it leaves out, on 16 devices; MA first. */
    static List<Family> onSixteen() {
        return List.of(
                new Family(MA, everyRatio(Paper.DEVICES, MOST_MICRO_BATCHES)),
                new Family(THREE_TO_ONE, withMicroBatches(Paper.THREE_TO_ONE, MOST_MICRO_BATCHES)),
                new Family(UNPIPELINED, withMicroBatches(Paper.BASELINE, 1)),
                new Family(TENSOR_PIPELINE, tensorPipelines()),
                new Family(TENSOR, overlapped(Layout.tensorPipeline(16, 1))),
                new Family(EXPERT, overlapped(Layout.expertParallel(16))),
                new Family(EXPERT_TENSOR, overlapped(Layout.expertParallel(16).withAttentionTensorParallel(8))));
    }

    /** Layouts without separation, on 16 devices. */
    static List<Setup> colocated() {
        List<Setup> all = new ArrayList<>(tensorPipelines());
        all.addAll(overlapped(Layout.tensorPipeline(16, 1)));
        all.addAll(overlapped(Layout.expertParallel(16)));
        all.addAll(overlapped(Layout.expertParallel(16).withAttentionTensorParallel(8)));
        all.addAll(overlapped(Layout.tensorPipeline(8, 1).withDataParallel(2)));
        all.addAll(overlapped(Layout.expertParallel(8).withDataParallel(2)));
        return all;
    }

    /**
     * Every ratio of MA with replicated attention on some devices, with 1 to {@code mostMicroBatches} micro-batches.
     */
    static List<Setup> everyRatio(int devices, int mostMicroBatches) {
        return IntStream.range(1, devices)
                .mapToObj(attention -> Layout.separated(attention, devices - attention))
                .flatMap(layout -> withMicroBatches(layout, mostMicroBatches).stream())
                .toList();
    }

    /** With one micro-batch, and with two so that one computes while the other is transferred. */
    private static List<Setup> overlapped(Layout layout) {
        return withMicroBatches(layout, 2);
    }

    private static List<Setup> withMicroBatches(Layout layout, int most) {
        return IntStream.rangeClosed(1, most).mapToObj(layout::withMicroBatches).toList();
    }

    private static List<Setup> tensorPipelines() {
        List<Setup> all = new ArrayList<>(withMicroBatches(Paper.BASELINE, 4));
        all.add(Layout.tensorPipeline(4, 4).withMicroBatches(4));
        return all;
    }

    /** The fastest of them; nothing if none can be laid out or fits. */
    Optional<Point> fastest(Sweep sweep, ModelConfig config, Cluster cluster, Scenario scenario) {
        return Point.fastest(sweep.simulate(config, layouts, cluster, scenario));
    }
}
