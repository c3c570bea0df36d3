package io.maseparation.parallel.run;

import io.maseparation.moe.ModelWeights;
import java.util.Objects;

/**
 * What a plan is set up with, whatever is generated then.
 *
 * @param weights the model
 * @param options how it is run
 * @param loader puts the ranks' shares on their devices
 */
public record Equipment(ModelWeights weights, ExecutionOptions options, RankLoader loader) {
    /** Refuses what is missing. */
    public Equipment {
        Objects.requireNonNull(weights, "weights");
        Objects.requireNonNull(options, "options");
        Objects.requireNonNull(loader, "loader");
    }
}
