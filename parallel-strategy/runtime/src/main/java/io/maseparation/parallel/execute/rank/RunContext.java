package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.run.Job;

/**
 * What the ranks of one run share.
 *
 * @param operationsPerByte operations of experts that a device does in the time in which it reads a byte of their weights
 */
public record RunContext(
        Job job,
        Communicator comm,
        Recorder recorder,
        Sequences sequences,
        Heartbeat heartbeat,
        double operationsPerByte) {}
