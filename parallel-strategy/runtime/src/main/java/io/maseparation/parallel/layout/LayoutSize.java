package io.maseparation.parallel.layout;

import io.maseparation.files.Identified;
import java.util.Map;

/** The sizes of layouts by their names in plan files, in messages and, with dashes, on the command line. */
public enum LayoutSize implements Identified {
    /** Ranks with attention. */
    ATTENTION_DEVICES,
    /** Ranks with experts. */
    EXPERT_DEVICES,
    /** Ranks that split the heads of a group. */
    ATTENTION_TENSOR_PARALLEL_SIZE,
    /** Ranks that split the width of experts. */
    EXPERT_TENSOR_PARALLEL_SIZE,
    /** Copies of all experts. */
    EXPERT_REPLICAS,
    /** Ranks that split heads and width. */
    TENSOR_PARALLEL_SIZE,
    /** Stages. */
    PIPELINE_PARALLEL_SIZE,
    /** Ranks that share out the experts. */
    EXPERT_PARALLEL_SIZE,
    /** Copies of the whole layout. */
    DATA_PARALLEL_SIZE;

    /** The name as messages have it. */
    String quoted() {
        return "'" + id() + "'";
    }

    /**
     * {@return whether a strategy has this size}
     *
     * @param strategy the strategy
     */
    public boolean belongsTo(Strategy strategy) {
        return Layout.of(strategy, Map.of()).sizes().containsKey(this);
    }

    /** Whether a larger one means more ranks, rather than another use of those that there are. */
    boolean countsRanks() {
        return switch (this) {
            case ATTENTION_DEVICES, EXPERT_DEVICES, TENSOR_PARALLEL_SIZE, PIPELINE_PARALLEL_SIZE, EXPERT_PARALLEL_SIZE,
                    DATA_PARALLEL_SIZE -> true;
            case ATTENTION_TENSOR_PARALLEL_SIZE, EXPERT_TENSOR_PARALLEL_SIZE, EXPERT_REPLICAS -> false;
        };
    }

    int in(Map<LayoutSize, Integer> sizes) {
        return sizes.getOrDefault(this, 1);
    }

    /** A size in a layout's name; nothing where it is 1. */
    static String more(String what, int n) {
        return n == 1 ? "" : what + n;
    }
}
