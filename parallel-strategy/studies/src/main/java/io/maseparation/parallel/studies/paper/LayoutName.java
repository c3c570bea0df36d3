package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;

/** Names of layouts in reports: in the paper's terms, such as "TP8×PP2, m = 1", and as the layout has it otherwise. */
final class LayoutName {
    private LayoutName() {}

    /** Strategy, sizes and micro-batches. */
    static String of(Setup setup) {
        int m = setup.batching().microBatches();
        String name = switch (setup.layout()) {
            case Layout.Single single -> single.name();
            case Layout.TensorPipeline tp -> "TP" + tp.tensorParallel() + more("×PP", tp.stages())
                    + more("×DP", tp.dataParallel());
            case Layout.ExpertParallel ep -> "EP" + ep.expertParallel() + more("×DP", ep.dataParallel())
                    + more(", attention tp ", ep.headSlices());
            case Layout.Separated ma -> "MA " + ma.name();
        };
        boolean always = setup.layout().stages() > 1 || setup.layout() instanceof Layout.Separated;
        return always || m > 1 ? name + ", m = " + m : name;
    }

    private static String more(String what, int n) {
        return n > 1 ? what + n : "";
    }
}
