package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.run.LogitsListener;
import java.util.Optional;

/**
 * What ranks at work have beside their deployment.
 *
 * @param recorder what they did when
 * @param slots the sequences that run
 * @param listener learns what became of steps
 * @param logits sees all logits, which costs time, if there is one
 * @param heartbeat what each of them is doing
 */
public record Team(
        Recorder recorder, Slots slots, StepListener listener, Optional<LogitsListener> logits, Heartbeat heartbeat) {
    /** The same, told of what becomes of steps by another one. */
    Team withListener(StepListener other) {
        return new Team(recorder, slots, other, logits, heartbeat);
    }
}
