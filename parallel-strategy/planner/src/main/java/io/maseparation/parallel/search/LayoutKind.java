package io.maseparation.parallel.search;

import io.maseparation.files.Identified;
import io.maseparation.parallel.layout.Strategy;
import io.maseparation.parallel.layout.StrategyOptions;

/** Kinds of layouts of which a search finds the best each. */
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

    /** What it is, in words. */
    public String label() {
        return label;
    }

    /** Whether a layout is one of this kind; with one micro-batch a pipeline is of two. */
    boolean has(StrategyOptions o) {
        return switch (this) {
            case SINGLE -> o.strategy() == Strategy.SINGLE;
            case TP -> o.strategy() == Strategy.TP_PP && o.pipelineParallel() == 1;
            case TP_PP_WHOLE -> o.strategy() == Strategy.TP_PP && o.pipelineParallel() > 1 && o.microBatches() == 1;
            case TP_PP -> o.strategy() == Strategy.TP_PP && o.pipelineParallel() > 1;
            case EP -> o.strategy() == Strategy.EP && o.attentionTensorParallel() == 1;
            case EP_TP -> o.strategy() == Strategy.EP && o.attentionTensorParallel() > 1;
            case MA -> o.strategy() == Strategy.MA;
        };
    }
}
