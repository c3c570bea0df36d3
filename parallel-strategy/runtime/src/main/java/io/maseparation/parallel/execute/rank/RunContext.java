package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.run.LogitsListener;
import java.util.Optional;

/**
 * What ranks that work together share.
 *
 * @param comm carries their messages
 * @param recorder what they did when
 * @param slots the sequences that run
 * @param listener learns what became of steps
 * @param logits sees all logits, which costs time, if there is one
 * @param heartbeat what each of them is doing
 * @param pool arrays for messages
 */
public record RunContext(
        Communicator comm,
        Recorder recorder,
        Slots slots,
        StepListener listener,
        Optional<LogitsListener> logits,
        Heartbeat heartbeat,
        FloatPool pool) {}
