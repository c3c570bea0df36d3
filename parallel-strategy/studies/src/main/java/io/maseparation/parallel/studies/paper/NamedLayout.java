package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import java.util.ArrayList;
import java.util.List;

/** A layout that is tried, and its name in reports. */
record NamedLayout(String name, Setup setup) {

    /** A layout under a name that says strategy, sizes and micro-batches. */
    static NamedLayout of(Setup setup) {
        int m = setup.batching().microBatches();
        String name = switch (setup.layout()) {
            case Layout.Single _ -> "one device";
            case Layout.TensorPipeline tp -> "TP" + tp.tensorParallel() + more("×PP", tp.stages())
                    + copies(tp.dataParallel());
            case Layout.ExpertParallel ep -> "EP" + ep.expertParallel() + more(", attention TP", ep.headSlices())
                    + copies(ep.dataParallel());
            case Layout.Separated ma -> "MA " + ma.name();
        };
        boolean always = setup.layout().stages() > 1 || setup.layout() instanceof Layout.Separated;
        return new NamedLayout(always || m > 1 ? name + ", m = " + m : name, setup);
    }

    private static String copies(int n) {
        return more(" × DP", n);
    }

    private static String more(String what, int n) {
        return n > 1 ? what + n : "";
    }

    /** The layout of one that has attention and experts apart. */
    Layout.Separated separated() {
        return (Layout.Separated) setup.layout();
    }

    /** MA with replicated attention and whole experts. */
    static NamedLayout ma(int attention, int experts, int microBatches) {
        return of(Layout.separated(attention, experts).withMicroBatches(microBatches));
    }

    /** Tensor × pipeline parallelism. */
    static NamedLayout tensorPipeline(int tp, int pp, int microBatches) {
        return of(Layout.tensorPipeline(tp, pp).withMicroBatches(microBatches));
    }

    /** Expert parallelism with attention split over some of the ranks. */
    static NamedLayout expertParallel(int ranks, int attentionSlices) {
        return of(Layout.expertParallel(ranks).withAttentionTensorParallel(attentionSlices).withMicroBatches(1));
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
