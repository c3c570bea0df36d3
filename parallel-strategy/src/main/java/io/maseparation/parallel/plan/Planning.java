package io.maseparation.parallel.plan;

import io.maseparation.moe.ModelConfig;

/** Builds the plan of a strategy for a model. */
public final class Planning {
    private Planning() {}

    /**
     * Lays the model out and writes every rank's program.
     *
     * @throws PlanException if the model cannot be split this way; the message names the option to change
     */
    public static Plan plan(ModelConfig config, StrategyOptions options) {
        positive(options.microBatches(), "--micro-batches");
        Plan plan =
                switch (options.strategy()) {
                    case SINGLE, TP_PP -> TensorPipelinePlan.build(config, options);
                    case EP -> ExpertParallelPlan.build(config, options);
                    case MA -> MaSeparationPlan.build(config, options);
                };
        ProgramChecker.check(plan);
        return plan;
    }

    static void positive(int value, String option) {
        if (value < 1) {
            throw new PlanException(option + " must be at least 1, is " + value);
        }
        if (value > 65_536) {
            throw new PlanException(option + " must be at most 65536, is " + value);
        }
    }
}
