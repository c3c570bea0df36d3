package io.maseparation.parallel.run;

import io.maseparation.moe.ModelWeights;
import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.layout.Plan;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a plan is set up with, whatever is generated then.
 *
 * @param weights the model
 * @param options how it is run
 * @param loader puts the ranks' shares on their devices
 * @param processes those that the ranks live in, one in each; empty where all of them live in this one
 */
public record Equipment(
        ModelWeights weights, ExecutionOptions options, RankLoader loader, Optional<Processes> processes) {
    /** Refuses what is missing. */
    public Equipment {
        Objects.requireNonNull(weights, "weights");
        Objects.requireNonNull(options, "options");
        Objects.requireNonNull(loader, "loader");
        Objects.requireNonNull(processes, "processes");
    }

    /**
     * Ranks that all live in this process.
     *
     * @param weights the model
     * @param options how it is run
     * @param loader puts the ranks' shares on their devices
     */
    public Equipment(ModelWeights weights, ExecutionOptions options, RankLoader loader) {
        this(weights, options, loader, Optional.empty());
    }

    /**
     * {@return the ranks of a plan that live in this process, ascending}
     *
     * @param plan the plan
     */
    public List<Integer> ranksHere(Plan plan) {
        return processes.map(p -> List.of(p.rank())).orElseGet(plan::rankNumbers);
    }
}
