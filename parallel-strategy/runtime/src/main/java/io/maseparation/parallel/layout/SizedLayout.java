package io.maseparation.parallel.layout;

import java.util.Map;
import java.util.Objects;

/** Makes layouts from their sizes by name, and others from them that differ in a choice. */
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
                    CombineMode.EXPERTS,
                    Dispatch.DIRECT);
            case MA -> new Layout.Separated(
                    LayoutSize.ATTENTION_DEVICES.in(sizes),
                    LayoutSize.EXPERT_DEVICES.in(sizes),
                    LayoutSize.ATTENTION_TENSOR_PARALLEL_SIZE.in(sizes),
                    LayoutSize.EXPERT_TENSOR_PARALLEL_SIZE.in(sizes),
                    LayoutSize.EXPERT_REPLICAS.in(sizes),
                    CombineMode.EXPERTS,
                    Dispatch.DIRECT);
        };
    }

    /** See {@link Layout#withCombine}. */
    static Layout with(Layout layout, CombineMode mode) {
        Objects.requireNonNull(mode, "mode");
        return mode == layout.combine() ? layout : with(layout, mode, layout.dispatch(), "'combine' " + mode.id());
    }

    /** See {@link Layout#withDispatch}. */
    static Layout with(Layout layout, Dispatch way) {
        Objects.requireNonNull(way, "way");
        return way.equals(layout.dispatch())
                ? layout
                : with(layout, layout.combine(), way, "'dispatch' " + way.mode().id());
    }

    /** @param changed what is not the same as before */
    private static Layout with(Layout layout, CombineMode combine, Dispatch dispatch, String changed) {
        return switch (layout) {
            case Layout.ExpertParallel ep -> new Layout.ExpertParallel(
                    ep.expertParallel(), ep.attentionTensorParallel(), ep.dataParallel(), combine, dispatch);
            case Layout.Separated ma -> new Layout.Separated(
                    ma.attentionDevices(), ma.expertDevices(), ma.attentionTensorParallel(),
                    ma.expertTensorParallel(), ma.expertReplicas(), combine, dispatch);
            case Layout.Single _,Layout.TensorPipeline _ -> throw new PlanException(
                    "%s needs strategy ep or ma, but the strategy is %s".formatted(changed, layout.strategy().id()));
        };
    }
}
