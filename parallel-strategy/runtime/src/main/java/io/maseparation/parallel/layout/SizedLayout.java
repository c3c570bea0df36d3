package io.maseparation.parallel.layout;

import java.util.Map;
import java.util.Objects;

/** Makes layouts from their sizes by name. */
final class SizedLayout {
    private SizedLayout() {}

    /** See {@link Layout#of}. */
    static Layout of(Strategy strategy, Map<LayoutSize, Integer> sizes) {
        Objects.requireNonNull(strategy, "strategy");
        Objects.requireNonNull(sizes, "sizes");
        sizes.keySet().forEach(size -> SizeChecks.belongs(size, strategy));
        return switch (strategy) {
            case SINGLE -> Layout.single();
            case TP_PP -> new Layout.TensorPipeline(
                    LayoutSize.TENSOR_PARALLEL_SIZE.in(sizes),
                    LayoutSize.PIPELINE_PARALLEL_SIZE.in(sizes),
                    LayoutSize.DATA_PARALLEL_SIZE.in(sizes));
            case EP -> new Layout.ExpertParallel(
                    LayoutSize.EXPERT_PARALLEL_SIZE.in(sizes),
                    LayoutSize.ATTENTION_TENSOR_PARALLEL_SIZE.in(sizes),
                    LayoutSize.DATA_PARALLEL_SIZE.in(sizes),
                    CombineMode.EXPERTS);
            case MA -> new Layout.Separated(
                    LayoutSize.ATTENTION_DEVICES.in(sizes),
                    LayoutSize.EXPERT_DEVICES.in(sizes),
                    LayoutSize.ATTENTION_TENSOR_PARALLEL_SIZE.in(sizes),
                    LayoutSize.EXPERT_TENSOR_PARALLEL_SIZE.in(sizes),
                    LayoutSize.EXPERT_REPLICAS.in(sizes),
                    CombineMode.EXPERTS);
        };
    }
}
