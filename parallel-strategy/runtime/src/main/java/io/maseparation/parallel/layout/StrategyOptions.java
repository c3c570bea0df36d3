package io.maseparation.parallel.layout;

/**
 * A strategy and its sizes. Sizes that a strategy does not use are 1.
 *
 * @param strategy how the model is spread
 * @param attentionDevices ranks with attention (ma)
 * @param expertDevices ranks with experts (ma)
 * @param attentionTensorParallel ranks of a group that split its attention heads (ma, ep); divides the ranks with attention
 * @param expertTensorParallel ranks of a group that split the width of its experts (ma); divides the expert ranks of a copy
 * @param expertReplicas copies of all experts among the expert ranks (ma); divides them
 * @param tensorParallel ranks that split heads and width (tp-pp)
 * @param pipelineParallel stages (tp-pp)
 * @param expertParallel ranks that share out the experts (ep)
 * @param dataParallel copies of the whole layout, each with its own sequences (tp-pp, ep)
 * @param microBatches parts of the batch in flight at once
 * @param schedule what a rank does while a micro-batch waits
 */
public record StrategyOptions(
        Strategy strategy,
        int attentionDevices,
        int expertDevices,
        int attentionTensorParallel,
        int expertTensorParallel,
        int expertReplicas,
        int tensorParallel,
        int pipelineParallel,
        int expertParallel,
        int dataParallel,
        int microBatches,
        Schedule schedule) {

    /** Everything on one rank. */
    public static StrategyOptions single() {
        return new StrategyOptions(Strategy.SINGLE, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, Schedule.ASYNC);
    }

    /** Tensor and pipeline parallelism. */
    public static StrategyOptions tensorPipeline(int tensorParallel, int pipelineParallel) {
        return new StrategyOptions(
                Strategy.TP_PP, 1, 1, 1, 1, 1, tensorParallel, pipelineParallel, 1, 1, 1, Schedule.ASYNC);
    }

    /** Expert parallelism with replicated attention. */
    public static StrategyOptions expertParallel(int ranks) {
        return new StrategyOptions(Strategy.EP, 1, 1, 1, 1, 1, 1, 1, ranks, 1, 1, Schedule.ASYNC);
    }

    /** MA Separation. */
    public static StrategyOptions maSeparation(int attentionDevices, int expertDevices) {
        return new StrategyOptions(
                Strategy.MA, attentionDevices, expertDevices, 1, 1, 1, 1, 1, 1, 1, 1, Schedule.ASYNC);
    }

    /** The same with other numbers of ranks with attention and with experts. */
    public StrategyOptions withRatio(int attention, int experts) {
        return new StrategyOptions(strategy, attention, experts, attentionTensorParallel, expertTensorParallel,
                expertReplicas, tensorParallel, pipelineParallel, expertParallel, dataParallel, microBatches, schedule);
    }

    /** The same with attention heads split inside groups of {@code n} ranks. */
    public StrategyOptions withAttentionTensorParallel(int n) {
        return new StrategyOptions(strategy, attentionDevices, expertDevices, n, expertTensorParallel, expertReplicas,
                tensorParallel, pipelineParallel, expertParallel, dataParallel, microBatches, schedule);
    }

    /** The same with the width of experts split inside groups of {@code n} ranks. */
    public StrategyOptions withExpertTensorParallel(int n) {
        return new StrategyOptions(strategy, attentionDevices, expertDevices, attentionTensorParallel, n,
                expertReplicas, tensorParallel, pipelineParallel, expertParallel, dataParallel, microBatches, schedule);
    }

    /** The same with {@code n} copies of all experts. */
    public StrategyOptions withExpertReplicas(int n) {
        return new StrategyOptions(strategy, attentionDevices, expertDevices, attentionTensorParallel,
                expertTensorParallel, n, tensorParallel, pipelineParallel, expertParallel, dataParallel, microBatches,
                schedule);
    }

    /** The same with {@code n} copies of the whole layout. */
    public StrategyOptions withDataParallel(int n) {
        return new StrategyOptions(strategy, attentionDevices, expertDevices, attentionTensorParallel,
                expertTensorParallel, expertReplicas, tensorParallel, pipelineParallel, expertParallel, n, microBatches,
                schedule);
    }

    /** The same with another number of micro-batches. */
    public StrategyOptions withMicroBatches(int n) {
        return new StrategyOptions(strategy, attentionDevices, expertDevices, attentionTensorParallel,
                expertTensorParallel, expertReplicas, tensorParallel, pipelineParallel, expertParallel, dataParallel, n,
                schedule);
    }

    /** The same with another schedule. */
    public StrategyOptions withSchedule(Schedule other) {
        return new StrategyOptions(strategy, attentionDevices, expertDevices, attentionTensorParallel,
                expertTensorParallel, expertReplicas, tensorParallel, pipelineParallel, expertParallel, dataParallel,
                microBatches, other);
    }

    /** Number of ranks. */
    public int ranks() {
        return switch (strategy) {
            case SINGLE -> 1;
            case TP_PP -> dataParallel * tensorParallel * pipelineParallel;
            case EP -> dataParallel * expertParallel;
            case MA -> attentionDevices + expertDevices;
        };
    }

    /** The layout in words, such as "3:1", "tp 2 x pp 2" or "12:4, attention tp 2, experts tp 4". */
    public String layout() {
        return switch (strategy) {
            case SINGLE -> "1 rank";
            case TP_PP -> "tp " + tensorParallel + " x pp " + pipelineParallel + more(" x dp ", dataParallel);
            case EP -> expertParallel + " ranks" + more(", attention tp ", attentionTensorParallel)
                    + more(" x dp ", dataParallel);
            case MA -> attentionDevices + ":" + expertDevices + more(", attention tp ", attentionTensorParallel)
                    + more(", experts tp ", expertTensorParallel) + more(", expert copies ", expertReplicas);
        };
    }

    private static String more(String what, int n) {
        return n == 1 ? "" : what + n;
    }
}
