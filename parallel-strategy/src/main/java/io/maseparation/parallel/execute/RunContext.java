package io.maseparation.parallel.execute;

import io.maseparation.parallel.comm.Communicator;
import java.util.Optional;

/**
 * What the ranks of one run share.
 *
 * @param logits sees all logits, which costs time, if there is one
 * @param operationsPerByte operations of experts that a device does in the time in which it reads a byte of their weights
 */
record RunContext(
        Workload workload,
        Communicator comm,
        Recorder recorder,
        Sequences sequences,
        Heartbeat heartbeat,
        Optional<LogitsListener> logits,
        double operationsPerByte) {}
