package io.maseparation.parallel.execute.rank;

/** Where the ranks of a plan live, through all layouts of a run: threads of this process, or processes of a job. */
public interface Ranks {
    /**
     * Sets all ranks to work; they wait for steps.
     *
     * @param deployment the plan on its devices
     * @param team what there is beside it
     * @return all of them
     */
    Crew start(Deployment deployment, Team team);

    /**
     * Ends all threads.
     *
     * @return false if one of them still runs after ten seconds
     */
    boolean close();
}
