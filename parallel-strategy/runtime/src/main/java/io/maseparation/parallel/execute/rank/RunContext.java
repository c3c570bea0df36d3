package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.run.LogitsListener;
import io.maseparation.parallel.run.Workload;
import java.util.Optional;

/**
 * What the ranks of one run share.
 *
 * @param logits sees all logits, which costs time, if there is one
 * @param operationsPerByte operations of experts that a device does in the time in which it reads a byte of their weights
 */
public record RunContext(
        Workload workload,
        Communicator comm,
        Recorder recorder,
        Sequences sequences,
        Heartbeat heartbeat,
        Optional<LogitsListener> logits,
        double operationsPerByte) {}
