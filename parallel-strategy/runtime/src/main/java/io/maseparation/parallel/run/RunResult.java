package io.maseparation.parallel.run;

import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.layout.RankMemory;
import io.maseparation.parallel.layout.Role;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a run produced and how it went.
 *
 * @param strategy name of the strategy
 * @param layout the layout in words, the last one where it changed
 * @param backend "embedded", or the TornadoVM backend
 * @param ranks one entry per rank, as it was at the end
 * @param outputs one entry per prompt
 * @param metrics times and efficiencies, measured
 * @param timeline what ran when
 * @param changes changes of layout, made or not, in order
 */
public record RunResult(
        String strategy,
        String layout,
        String backend,
        List<RankReport> ranks,
        List<SequenceOutput> outputs,
        Metrics metrics,
        Timeline timeline,
        List<LayoutChange> changes) {

    /**
     * What ran when.
     *
     * @param events by rank; transfers too if they were asked for
     * @param leftOut how many later events of a long run are missing, so that it does not fill the memory
     */
    public record Timeline(List<TimelineEvent> events, long leftOut) {}

    /**
     * One rank's part in a run.
     *
     * @param rank index
     * @param role what it computes
     * @param device device name
     * @param memory what it held; ranks of one process share the memory of weights where they hold the same
     * @param bytesSent bytes it sent to other ranks
     * @param times how long it computed
     * @param perStep means over the decode steps; NaN where there were none
     */
    public record RankReport(
            int rank, Role role, String device, RankMemory memory, long bytesSent, Times times, PerStep perStep) {}

    /**
     * How long a rank computed.
     *
     * @param busyMs time it computed, prefill and decode
     * @param busy share of the decode wall time it computed
     * @param firstRunMs time of the first execution of each segment, which compiles it and brings its weights to the
     *     device
     */
    public record Times(double busyMs, double busy, double firstRunMs) {}

    /**
     * What a rank had to do in a decode step, beside computing.
     *
     * @param tasks tasks of its segments; each costs a launch on a device with a memory of its own
     * @param transferBytes bytes that its segments take between host and device; 0 where they share their memory
     * @param messageMs time that its thread packs, sends, takes and unpacks messages
     */
    public record PerStep(double tasks, double transferBytes, double messageMs) {}

    /**
     * One sequence.
     *
     * @param promptIds the prompt
     * @param tokenIds its continuation, up to and including the first end-of-sequence token unless those are ignored
     * @param promptLogits logits of the prompt's last position, or null if not asked for
     */
    public record SequenceOutput(List<Integer> promptIds, List<Integer> tokenIds, float @Nullable [] promptLogits) {}
}
