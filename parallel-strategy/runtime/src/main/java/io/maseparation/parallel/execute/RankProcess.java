package io.maseparation.parallel.execute;

import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.execute.rank.FollowerRank;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.run.Job;

/** A process that has one rank of a plan and follows the leader's {@link PlanExecutor}. */
public final class RankProcess {
    private RankProcess() {}

    /**
     * Finds out with all other processes whether their ranks fit their GPUs, and takes part in a run. The leader's part
     * is {@link PlanExecutor#lead}.
     *
     * @param plan the plan, the same as the leader's
     * @param job what is run; it names the processes
     * @throws PlanException if there is not a process for each rank, or ranks need more than a device has
     * @throws io.maseparation.files.ModelException if the workload does not fit the model, or the memory
     * @throws io.maseparation.parallel.run.RunFailedException if the rank fails
     */
    public static void join(Plan plan, Job job) {
        SharedGpus.check(plan, job);
        follow(plan, job);
    }

    /**
     * Takes part in a run from its setup to its end. What is generated, and how tokens are chosen, is the leader's.
     *
     * @param plan the plan, the same as the leader's
     * @param job what is run, of which the lengths of prompts count here; it names the processes
     * @throws PlanException if there is not a process for each rank, or a rank holds more than a device may
     * @throws io.maseparation.files.ModelException if the workload does not fit the model, or the memory
     * @throws io.maseparation.parallel.run.RunFailedException if the rank fails
     */
    public static void follow(Plan plan, Job job) {
        Processes processes = job.processes().orElseThrow();
        check(plan, job, processes);
        Deployment deployment = Deployment.start(plan, job);
        try (FollowerRank rank = new FollowerRank(
                processes, deployment, job.workload().prompts().size(), job.options().stallTimeout())) {
            rank.run();
        }
    }

    /** Checks what all processes can check. */
    static void check(Plan plan, Job job, Processes processes) {
        job.workload().check(job.weights().config());
        plan.checkHeldBy(job.weights().config());
        if (processes.size() != plan.ranks().size()) {
            throw new PlanException(
                    "the plan has %d ranks, and there are %d processes: each rank has its own".formatted(
                            plan.ranks().size(), processes.size()));
        }
        if (!job.options().changes().isNone()) {
            throw new PlanException("the layout cannot change where ranks are processes of their own");
        }
        if (job.options().transfers()) {
            throw new PlanException("there is no timeline of ranks that are processes of their own");
        }
    }
}
