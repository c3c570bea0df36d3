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
                    CombineMode.EXPERTS);
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
        return switch (layout) {
            case Layout.ExpertParallel ep -> new Layout.ExpertParallel(
                    ep.expertParallel(), ep.attentionTensorParallel(), ep.dataParallel(), mode);
            case Layout.Separated ma -> separated(ma, mode, ma.dispatch());
            case Layout.Single _,Layout.TensorPipeline _ -> {
                SizeChecks.require(mode == layout.combine(),
                        "'combine' %s needs strategy ep or ma, but the strategy is %s",
                        mode.id(), layout.strategy().id());
                yield layout;
            }
        };
    }

    /** See {@link Layout#withDispatch}. */
    static Layout with(Layout layout, Dispatch way) {
        Objects.requireNonNull(way, "way");
        if (layout instanceof Layout.Separated ma) {
            return separated(ma, ma.combine(), way);
        }
        SizeChecks.require(way.equals(layout.dispatch()),
                "'dispatch' %s needs strategy ma, but the strategy is %s", way.mode().id(), layout.strategy().id());
        return layout;
    }

    private static Layout separated(Layout.Separated ma, CombineMode combine, Dispatch dispatch) {
        return new Layout.Separated(ma.attentionDevices(), ma.expertDevices(), ma.attentionTensorParallel(),
                ma.expertTensorParallel(), ma.expertReplicas(), combine, dispatch);
    }
}
