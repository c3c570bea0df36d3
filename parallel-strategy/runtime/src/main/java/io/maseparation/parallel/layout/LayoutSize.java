package io.maseparation.parallel.layout;

import java.util.Locale;
import java.util.Map;

/** The sizes of a layout: their names on the command line and in files, and the strategies that have them. */
public enum LayoutSize {
    /** Ranks with attention. */
    ATTENTION_DEVICES("attention-devices"),
    /** Ranks with experts. */
    EXPERT_DEVICES("expert-devices"),
    /** Ranks that split the heads of a group. */
    ATTENTION_TENSOR_PARALLEL("attention-tensor-parallel-size"),
    /** Ranks that split the width of experts. */
    EXPERT_TENSOR_PARALLEL("expert-tensor-parallel-size"),
    /** Copies of all experts. */
    EXPERT_REPLICAS("expert-replicas"),
    /** Ranks that split heads and width. */
    TENSOR_PARALLEL("tensor-parallel-size"),
    /** Stages. */
    PIPELINE_PARALLEL("pipeline-parallel-size"),
    /** Ranks that share out the experts. */
    EXPERT_PARALLEL("expert-parallel-size"),
    /** Copies of the whole layout. */
    DATA_PARALLEL("data-parallel-size"),
    /** Parts of the batch in flight at once. */
    MICRO_BATCHES("micro-batches");

    private final String id;

    LayoutSize(String id) {
        this.id = id;
    }

    /** Name of the command-line option, without the dashes before it. */
    public String id() {
        return id;
    }

    /** The command-line option. */
    public String flag() {
        return "--" + id;
    }

    /** Name in files. */
    public String field() {
        return id.replace('-', '_').toLowerCase(Locale.ROOT);
    }

    /** The size in a layout. */
    public int of(StrategyOptions options) {
        return switch (this) {
            case ATTENTION_DEVICES -> options.attentionDevices();
            case EXPERT_DEVICES -> options.expertDevices();
            case ATTENTION_TENSOR_PARALLEL -> options.attentionTensorParallel();
            case EXPERT_TENSOR_PARALLEL -> options.expertTensorParallel();
            case EXPERT_REPLICAS -> options.expertReplicas();
            case TENSOR_PARALLEL -> options.tensorParallel();
            case PIPELINE_PARALLEL -> options.pipelineParallel();
            case EXPERT_PARALLEL -> options.expertParallel();
            case DATA_PARALLEL -> options.dataParallel();
            case MICRO_BATCHES -> options.microBatches();
        };
    }

    /** Whether a strategy has this size. */
    public boolean belongsTo(Strategy strategy) {
        return switch (this) {
            case ATTENTION_DEVICES, EXPERT_DEVICES, EXPERT_TENSOR_PARALLEL, EXPERT_REPLICAS -> strategy == Strategy.MA;
            case ATTENTION_TENSOR_PARALLEL -> strategy == Strategy.MA || strategy == Strategy.EP;
            case TENSOR_PARALLEL, PIPELINE_PARALLEL -> strategy == Strategy.TP_PP;
            case EXPERT_PARALLEL -> strategy == Strategy.EP;
            case DATA_PARALLEL -> strategy == Strategy.TP_PP || strategy == Strategy.EP;
            case MICRO_BATCHES -> true;
        };
    }

    /** A layout of some sizes; those that are not named are 1. */
    public static StrategyOptions options(Strategy strategy, Map<LayoutSize, Integer> sizes, Schedule schedule) {
        return new StrategyOptions(
                strategy,
                sizes.getOrDefault(ATTENTION_DEVICES, 1),
                sizes.getOrDefault(EXPERT_DEVICES, 1),
                sizes.getOrDefault(ATTENTION_TENSOR_PARALLEL, 1),
                sizes.getOrDefault(EXPERT_TENSOR_PARALLEL, 1),
                sizes.getOrDefault(EXPERT_REPLICAS, 1),
                sizes.getOrDefault(TENSOR_PARALLEL, 1),
                sizes.getOrDefault(PIPELINE_PARALLEL, 1),
                sizes.getOrDefault(EXPERT_PARALLEL, 1),
                sizes.getOrDefault(DATA_PARALLEL, 1),
                sizes.getOrDefault(MICRO_BATCHES, 1),
                schedule);
    }
}
