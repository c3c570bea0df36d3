package io.maseparation.parallel.search;

import io.maseparation.files.Identified;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;

/** Kinds of layouts; a search finds the best layout of each kind. */
public enum LayoutKind implements Identified {
    /** One device. */
    SINGLE("single device"),
    /** Tensor parallelism, without stages. */
    TP("TP"),
    /** Stages, the batch as a whole. */
    TP_PP_WHOLE("TP x PP, 1 micro-batch"),
    /** Stages and any number of micro-batches. */
    TP_PP("TP x PP"),
    /** Experts spread over ranks that have all of the attention. */
    EP("EP, DP attention"),
    /** Experts spread over ranks that split the heads. */
    EP_TP("EP, TP attention"),
    /** MA Separation. */
    MA("MA Separation");

    private final String label;

    LayoutKind(String label) {
        this.label = label;
    }

    /** {@return the kind in words} */
    public String label() {
        return label;
    }

    /** Whether a layout is of this kind; a pipeline with one micro-batch is of two kinds. */
    boolean has(Setup setup) {
        Layout layout = setup.layout();
        return switch (this) {
            case SINGLE -> layout instanceof Layout.Single;
            case TP -> layout instanceof Layout.TensorPipeline && layout.stages() == 1;
            case TP_PP_WHOLE -> layout.stages() > 1 && setup.batching().microBatches() == 1;
            case TP_PP -> layout.stages() > 1;
            case EP -> layout instanceof Layout.ExpertParallel && layout.headSlices() == 1;
            case EP_TP -> layout instanceof Layout.ExpertParallel && layout.headSlices() > 1;
            case MA -> layout instanceof Layout.Separated;
        };
    }
}
