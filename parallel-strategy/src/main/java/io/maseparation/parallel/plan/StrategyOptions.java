package io.maseparation.parallel.plan;

/**
 * A strategy and its sizes. Sizes that a strategy does not use are ignored.
 *
 * @param strategy how the model is spread
 * @param attentionDevices ranks with attention (ma)
 * @param expertDevices ranks with experts (ma)
 * @param tensorParallel ranks that split heads and width (tp-pp)
 * @param pipelineParallel stages (tp-pp)
 * @param expertParallel ranks (ep)
 * @param microBatches parts of the batch in flight at once
 * @param schedule what a rank does while a micro-batch waits
 */
public record StrategyOptions(
        Strategy strategy,
        int attentionDevices,
        int expertDevices,
        int tensorParallel,
        int pipelineParallel,
        int expertParallel,
        int microBatches,
        Schedule schedule) {

    /** Everything on one rank. */
    public static StrategyOptions single() {
        return new StrategyOptions(Strategy.SINGLE, 1, 1, 1, 1, 1, 1, Schedule.ASYNC);
    }

    /** Tensor and pipeline parallelism. */
    public static StrategyOptions tensorPipeline(int tensorParallel, int pipelineParallel) {
        return new StrategyOptions(Strategy.TP_PP, 1, 1, tensorParallel, pipelineParallel, 1, 1, Schedule.ASYNC);
    }

    /** Expert parallelism with replicated attention. */
    public static StrategyOptions expertParallel(int ranks) {
        return new StrategyOptions(Strategy.EP, 1, 1, 1, 1, ranks, 1, Schedule.ASYNC);
    }

    /** MA Separation. */
    public static StrategyOptions maSeparation(int attentionDevices, int expertDevices) {
        return new StrategyOptions(Strategy.MA, attentionDevices, expertDevices, 1, 1, 1, 1, Schedule.ASYNC);
    }

    /** The same with another number of micro-batches. */
    public StrategyOptions withMicroBatches(int n) {
        return new StrategyOptions(
                strategy,
                attentionDevices,
                expertDevices,
                tensorParallel,
                pipelineParallel,
                expertParallel,
                n,
                schedule);
    }

    /** The same with another schedule. */
    public StrategyOptions withSchedule(Schedule other) {
        return new StrategyOptions(
                strategy,
                attentionDevices,
                expertDevices,
                tensorParallel,
                pipelineParallel,
                expertParallel,
                microBatches,
                other);
    }

    /** Number of ranks. */
    public int ranks() {
        return switch (strategy) {
            case SINGLE -> 1;
            case TP_PP -> tensorParallel * pipelineParallel;
            case EP -> expertParallel;
            case MA -> attentionDevices + expertDevices;
        };
    }

    /** The layout in words, such as "3:1" or "tp 2 x pp 2". */
    public String layout() {
        return switch (strategy) {
            case SINGLE -> "1 rank";
            case TP_PP -> "tp " + tensorParallel + " x pp " + pipelineParallel;
            case EP -> expertParallel + " ranks";
            case MA -> attentionDevices + ":" + expertDevices;
        };
    }
}
