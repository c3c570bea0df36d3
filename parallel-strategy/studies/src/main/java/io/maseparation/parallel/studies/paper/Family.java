package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.simulate.Scenario;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Layouts of one kind, the fastest of which counts. */
record Family(String name, List<NamedLayout> layouts) {
    static final String MA = "MA, best ratio";
    static final String THREE_TO_ONE = "MA 12:4";
    static final String UNPIPELINED = "TP8×PP2, m = 1";
    static final String TENSOR_PIPELINE = "TP×PP, best m";
    static final String TENSOR = "TP16, best m";
    static final String EXPERT = "EP16, best m";
    static final String EXPERT_TENSOR = "EP16, attention TP8, best m";
    static final String COLOCATED = "the best without separation";
    static final int MOST_MICRO_BATCHES = 3;

    Family {
        layouts = List.copyOf(layouts);
    }

    /** What the paper compares, and what it leaves out, on 16 devices; MA first. */
    static List<Family> onSixteen() {
        return List.of(
                new Family(MA, NamedLayout.everyRatio(Paper.DEVICES, MOST_MICRO_BATCHES)),
                new Family(THREE_TO_ONE, threeToOne()),
                new Family(UNPIPELINED, List.of(NamedLayout.tensorPipeline(8, 2, 1))),
                new Family(TENSOR_PIPELINE, tensorPipelines()),
                new Family(TENSOR, overlapped(NamedLayout.tensorPipeline(16, 1, 1))),
                new Family(EXPERT, overlapped(NamedLayout.expertParallel(16, 1))),
                new Family(EXPERT_TENSOR, overlapped(NamedLayout.expertParallel(16, 8))));
    }

    /** Layouts without separation, on 16 devices. */
    static List<NamedLayout> colocated() {
        List<NamedLayout> all = new ArrayList<>(tensorPipelines());
        all.addAll(overlapped(NamedLayout.tensorPipeline(16, 1, 1)));
        all.addAll(overlapped(NamedLayout.expertParallel(16, 1)));
        all.addAll(overlapped(NamedLayout.expertParallel(16, 8)));
        all.addAll(overlapped(NamedLayout.of(Layout.tensorPipeline(8, 1).withDataParallel(2).withMicroBatches(1))));
        all.addAll(overlapped(NamedLayout.of(Layout.expertParallel(8).withDataParallel(2).withMicroBatches(1))));
        return all;
    }

    /** With one micro-batch, and with two so that one computes while the other is transferred. */
    private static List<NamedLayout> overlapped(NamedLayout layout) {
        return List.of(layout, NamedLayout.of(layout.setup().withMicroBatches(2)));
    }

    private static List<NamedLayout> threeToOne() {
        List<NamedLayout> all = new ArrayList<>();
        for (int m = 1; m <= MOST_MICRO_BATCHES; m++) {
            all.add(NamedLayout.ma(Paper.ATTENTION_DEVICES, Paper.EXPERT_DEVICES, m));
        }
        return all;
    }

    private static List<NamedLayout> tensorPipelines() {
        List<NamedLayout> all = new ArrayList<>();
        for (int m : new int[] {1, 2, 3, 4}) {
            all.add(NamedLayout.tensorPipeline(8, 2, m));
        }
        all.add(NamedLayout.tensorPipeline(4, 4, 4));
        return all;
    }

    /** The fastest of them; nothing if none can be laid out or fits. */
    Optional<Point> fastest(Sweep sweep, ModelConfig config, Cluster cluster, Scenario scenario) {
        return Point.fastest(sweep.simulate(config, layouts, cluster, scenario));
    }
}
