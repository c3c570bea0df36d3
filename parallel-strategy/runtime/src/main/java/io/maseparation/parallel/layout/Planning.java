package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import java.util.List;
import java.util.Optional;

/** Builds the plan of a strategy for a model. */
public final class Planning {
    /** Most ranks, and largest size. */
    private static final int MOST = 65_536;

    private Planning() {}

    /**
     * Lays the model out and writes every rank's program, with the experts in even shares.
     *
     * @throws PlanException if the model cannot be split this way; the message names the option to change
     */
    public static Plan plan(ModelConfig config, StrategyOptions options) {
        return plan(config, options, Optional.empty());
    }

    /**
     * Lays the model out and writes every rank's program.
     *
     * @param experts for each layer the expert group of each routed expert, in every copy alike
     *     ({@link Placement#experts}); even shares where it is empty
     * @throws PlanException if the model cannot be split this way; the message names the option to change
     */
    public static Plan plan(ModelConfig config, StrategyOptions options, Optional<List<List<Integer>>> experts) {
        return planReplicated(config, options, experts.map(layers -> layers.stream()
                .map(layer -> layer.stream().map(List::of).toList())
                .toList()));
    }

    /**
     * Lays the model out and writes every rank's program, with experts that may be on several ranks.
     *
     * @param experts for each layer and routed expert the expert groups that hold it, in every copy alike
     *     ({@link Placement#replicatedExperts}); even shares where it is empty
     * @throws PlanException if the model cannot be split this way; the message names the option to change
     */
    public static Plan planReplicated(
            ModelConfig config, StrategyOptions options, Optional<List<List<List<Integer>>>> experts) {
        checkSizes(options);
        if (experts.isPresent() && options.strategy() != Strategy.EP && options.strategy() != Strategy.MA) {
            throw new PlanException(
                    "expert_placement is for ep and ma, the strategy is " + options.strategy().id());
        }
        Plan plan =
                switch (options.strategy()) {
                    case SINGLE, TP_PP -> TensorPipelinePlan.build(config, options);
                    case EP -> ExpertParallelPlan.build(config, options, experts);
                    case MA -> MaSeparationPlan.build(config, options, experts);
                };
        ProgramChecker.check(plan);
        return plan;
    }

    private static void checkSizes(StrategyOptions options) {
        for (LayoutSize size : LayoutSize.values()) {
            int value = size.of(options);
            positive(value, size.flag());
            if (value != 1 && !size.belongsTo(options.strategy())) {
                throw new PlanException("%s is %d, which strategy %s has no use for"
                        .formatted(size.flag(), value, options.strategy().id()));
            }
        }
        ranks(options);
    }

    /**
     * Number of ranks of a layout.
     *
     * @throws PlanException if there are too many
     */
    static int ranks(StrategyOptions options) {
        long ranks =
                switch (options.strategy()) {
                    case SINGLE -> 1;
                    case TP_PP -> (long) options.tensorParallel() * options.pipelineParallel();
                    case EP -> options.expertParallel();
                    case MA -> (long) options.attentionDevices() + options.expertDevices();
                };
        if (ranks > MOST || ranks * options.dataParallel() > MOST) {
            throw new PlanException("the layout has more than %d ranks: lower its sizes".formatted(MOST));
        }
        return options.ranks();
    }

    private static void positive(int value, String option) {
        if (value < 1) {
            throw new PlanException(option + " must be at least 1, is " + value);
        }
        if (value > MOST) {
            throw new PlanException("%s must be at most %d, is %d".formatted(option, MOST, value));
        }
    }
}
