package io.maseparation.parallel.execute.rank;

import java.util.Optional;

/** All ranks of a deployment at work. One thread issues steps and ends it. */
public interface Crew {
    /**
     * Hands all ranks a step. No more than {@link StepFeed#AHEAD} are under way.
     *
     * @param step the step; it has rows
     */
    void issue(Step step);

    /**
     * {@return what the ranks are doing, if none of them has finished anything for so long that they are stuck}
     *
     * @param since when a rank had something to do at the earliest, by {@link System#nanoTime}
     */
    Optional<String> stuck(long since);

    /**
     * Ends the work after the steps that were issued, which have ended: waits until all ranks are at rest.
     *
     * @return false if one of them is not after ten seconds
     * @throws InterruptedException if interrupted
     */
    boolean end() throws InterruptedException;

    /** Ends the work wherever the ranks are, each at the next operation; does not wait for them. */
    void abort();
}
