package io.maseparation.parallel.run;

import io.maseparation.files.ModelException;
import io.maseparation.moe.ModelWeights;
import io.maseparation.parallel.comm.Processes;
import java.util.Objects;
import java.util.Optional;

/**
 * What is run, independent of the plan.
 *
 * @param weights the model
 * @param workload what to generate
 * @param options how
 * @param loader puts the ranks' shares on their devices
 * @param logits sees all logits, which costs time, if there is one
 * @param processes those that the ranks live in, one in each; empty where all of them live in this one
 */
public record Job(
        ModelWeights weights, Workload workload, ExecutionOptions options, RankLoader loader,
        Optional<LogitsListener> logits, Optional<Processes> processes) {

    /** Refuses what is missing. */
    public Job {
        Objects.requireNonNull(weights, "weights");
        Objects.requireNonNull(workload, "workload");
        Objects.requireNonNull(options, "options");
        Objects.requireNonNull(loader, "loader");
        Objects.requireNonNull(logits, "logits");
        Objects.requireNonNull(processes, "processes");
    }

    /**
     * A job whose ranks all live in this process.
     *
     * @param weights the model
     * @param workload what to generate
     * @param options how
     * @param loader puts the ranks' shares on their devices
     * @param logits sees all logits, which costs time, if there is one
     */
    public Job(
            ModelWeights weights, Workload workload, ExecutionOptions options, RankLoader loader,
            Optional<LogitsListener> logits) {
        this(weights, workload, options, loader, logits, Optional.empty());
    }

    /**
     * {@return the same with ranks in processes of their own}
     *
     * @param of the processes, one for each rank
     */
    public Job in(Processes of) {
        return new Job(weights, workload, options, loader, logits, Optional.of(of));
    }

    /** {@return whether it can run again on the same ranks: they are threads, and the layout stays} */
    public boolean runsAgain() {
        return processes.isEmpty() && !options.changes().mayChange();
    }

    /**
     * Checks how often it is to run on the same ranks.
     *
     * @param times how often
     * @throws ModelException if that is less than 1, or more where it cannot run again
     */
    public void checkRuns(int times) {
        if (times < 1 || (times > 1 && !runsAgain())) {
            throw new ModelException(times < 1
                    ? "'times' must be at least 1, is " + times
                    : "with changes of layout, or ranks as processes, 'times' must be 1, is " + times);
        }
    }

    /** {@return what a plan is set up with for it} */
    public Equipment equipment() {
        return new Equipment(weights, options, loader, processes);
    }

    /**
     * A job for real devices, with nobody looking at the logits.
     *
     * @param weights the model's weights
     * @param workload what to generate
     * @param options how it is run
     */
    public Job(ModelWeights weights, Workload workload, ExecutionOptions options) {
        this(weights, workload, options, RankLoader.real(), Optional.empty());
    }
}
