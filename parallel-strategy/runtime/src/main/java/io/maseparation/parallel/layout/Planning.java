package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import java.util.Objects;
import java.util.Optional;

/** Builds plans: lays a model out and writes every rank's program. */
public final class Planning {
    private Planning() {}

    /**
     * {@return the plan of a layout that takes the batch as a whole, with the experts in even shares}
     *
     * @param config the model
     * @param layout how the model is spread
     * @throws PlanException if the model cannot be split this way; the message names the size to change
     */
    public static Plan plan(ModelConfig config, Layout layout) {
        Objects.requireNonNull(layout, "layout");
        return plan(config, layout.withMicroBatches(1));
    }

    /**
     * {@return the plan with the experts in even shares}
     *
     * @param config the model
     * @param setup layout and batching
     * @throws PlanException if the model cannot be split this way; the message names the size to change
     */
    public static Plan plan(ModelConfig config, Setup setup) {
        return plan(config, setup, Optional.empty());
    }

    /**
     * {@return the plan with the experts where they are wanted}
     *
     * @param config the model
     * @param setup layout and batching
     * @param experts which expert groups hold which experts; even shares where it is empty
     * @throws PlanException if the model cannot be split this way; the message names the size to change
     */
    public static Plan plan(ModelConfig config, Setup setup, Optional<ExpertGroups> experts) {
        Plan plan = candidate(config, setup, experts);
        ProgramChecker.check(plan);
        return plan;
    }

    /**
     * {@return the same plan without a check that its programs end, for those that are only compared}
     *
     * @param config the model
     * @param setup layout and batching
     * @param experts which expert groups hold which experts; even shares where it is empty
     * @throws PlanException if the model cannot be split this way; the message names the size to change
     */
    public static Plan candidate(ModelConfig config, Setup setup, Optional<ExpertGroups> experts) {
        Objects.requireNonNull(config, "config");
        Objects.requireNonNull(setup, "setup");
        Objects.requireNonNull(experts, "experts");
        setup.check(config);
        Layout layout = setup.layout();
        if (experts.isPresent() && layout.expertGroups() == 0) {
            throw new PlanException("expert_placement is only for strategies ep and ma, but the strategy is "
                    + layout.strategy().id());
        }
        experts.ifPresent(e -> e.check(config, layout.expertGroups()));
        ExpertGroups groups = experts.orElseGet(() -> ExpertGroups.even(config, layout.expertGroups()));
        return switch (layout) {
            case Layout.Single _ -> TensorPipelinePlan.build(config, setup, Layout.tensorPipeline(1, 1));
            case Layout.TensorPipeline tp -> TensorPipelinePlan.build(config, setup, tp);
            case Layout.ExpertParallel ep -> ExpertParallelPlan.build(config, setup, ep, groups);
            case Layout.Separated ma -> SeparatedPlan.build(config, setup, ma, groups);
        };
    }
}
