package io.maseparation.parallel.search;

import io.maseparation.files.Identified;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import java.util.EnumSet;
import java.util.Set;

/** Kinds of layouts; a search finds the best layout of each kind. */
public enum LayoutKind implements Identified {
    /** One device. */
    SINGLE("single", "single device"),
    /** Tensor parallelism, without stages. */
    TP("tp", "TP"),
    /** Stages, the batch as a whole. */
    TP_PP_WHOLE("tp-pp-whole", "TP x PP, 1 micro-batch"),
    /** Stages and any number of micro-batches. */
    TP_PP("tp-pp", "TP x PP"),
    /** Experts spread over ranks that have all of the attention. */
    EP("ep", "EP, DP attention"),
    /** Experts spread over ranks that split the heads. */
    EP_TP("ep-tp", "EP, TP attention"),
    /** MA Separation. */
    MA("ma", "MA Separation");

    private final String id;
    private final String label;

    LayoutKind(String id, String label) {
        this.id = id;
        this.label = label;
    }

    @Override
    public String id() {
        return id;
    }

    /** {@return whether attention and experts are on different devices, so that it is not a baseline} */
    public boolean separates() {
        return this == MA;
    }

    /** {@return the kind in words} */
    public String label() {
        return label;
    }

    /** The kinds that a layout is of: a pipeline with one micro-batch is of two. */
    static Set<LayoutKind> of(Setup setup) {
        return switch (setup.layout()) {
            case Layout.Single _ -> EnumSet.of(SINGLE);
            case Layout.TensorPipeline tp when tp.stages() == 1 -> EnumSet.of(TP);
            case Layout.TensorPipeline _ -> setup.batching().microBatches() == 1
                    ? EnumSet.of(TP_PP_WHOLE, TP_PP)
                    : EnumSet.of(TP_PP);
            case Layout.ExpertParallel ep -> EnumSet.of(ep.headSlices() == 1 ? EP : EP_TP);
            case Layout.Separated _ -> EnumSet.of(MA);
        };
    }

    /** Whether a layout is of this kind. */
    boolean has(Setup setup) {
        return of(setup).contains(this);
    }
}
