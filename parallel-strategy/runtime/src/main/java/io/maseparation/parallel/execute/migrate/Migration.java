package io.maseparation.parallel.execute.migrate;

import io.maseparation.parallel.execute.rank.Deployment;

/**
 * The way from one deployment to another: what can be done beside the steps is done first, by another thread; the rest
 * between two steps. Until it is complete the old deployment is as it was.
 */
public interface Migration {
    /** {@return the deployment that steps can go on with after {@link #complete}} */
    Deployment after();

    /** {@return bytes that went to other ranks so far} */
    long bytes();

    /** Does the rest. No step is under way. */
    void complete();

    /** Frees what was set up; the old deployment goes on. */
    void giveUp();
}
