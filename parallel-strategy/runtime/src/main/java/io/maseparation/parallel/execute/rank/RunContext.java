package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.run.Job;

/**
 * What the ranks of one run share.
 *
 * @param job what is run
 * @param comm carries their messages
 * @param recorder what they did when
 * @param sequences what has been generated
 * @param heartbeat what each of them is doing
 */
public record RunContext(
        Job job,
        Communicator comm,
        Recorder recorder,
        Sequences sequences,
        Heartbeat heartbeat) {}
