package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.run.Job;

/** What the ranks of one run share. */
public record RunContext(
        Job job,
        Communicator comm,
        Recorder recorder,
        Sequences sequences,
        Heartbeat heartbeat) {}
