package io.maseparation.parallel.run;

import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.List;

/**
 * What a run produced and how it went.
 *
 * @param strategy name of the strategy
 * @param layout the layout in words, the last one where it changed
 * @param backend "embedded", or the TornadoVM backend
 * @param ranks one entry a rank, as it was at the end
 * @param outputs one entry a prompt
 * @param metrics times and efficiencies, measured
 * @param timeline what ran when; transfers too if they were asked for
 * @param eventsLeftOut how many later events of a long run the timeline lacks, so that it does not fill the memory
 * @param changes changes of layout, made or not, in order
 */
public record RunResult(
        String strategy,
        String layout,
        String backend,
        List<RankReport> ranks,
        List<SequenceOutput> outputs,
        Metrics metrics,
        List<TimelineEvent> timeline,
        long eventsLeftOut,
        List<LayoutChange> changes) {

    /**
     * One rank's part in a run.
     *
     * @param rank index
     * @param role "attention", "expert" or "both"
     * @param device device name
     * @param weightBytes bytes of its weights; ranks of one process share memory where they hold the same
     * @param kvBytes bytes of its KV cache
     * @param activationBytes bytes of its activations and scratch
     * @param bytesSent bytes it sent to other ranks
     * @param busyMs time it computed, prefill and decode
     * @param busy share of the decode wall time it computed
     * @param tasksPerStep tasks of its segments in a decode step; each costs a launch on a device with a memory of its own
     * @param transferBytesPerStep bytes that its segments take between host and device in a decode step; 0 where they share
     *     their memory
     * @param messageMsPerStep time that its thread packs, sends, takes and unpacks messages in a decode step
     * @param firstRunMs time of the first execution of each segment, which compiles it and brings its weights to the device
     */
    public record RankReport(
            int rank,
            String role,
            String device,
            long weightBytes,
            long kvBytes,
            long activationBytes,
            long bytesSent,
            double busyMs,
            double busy,
            double tasksPerStep,
            double transferBytesPerStep,
            double messageMsPerStep,
            double firstRunMs) {}

    /**
     * One sequence.
     *
     * @param promptIds the prompt
     * @param tokenIds its continuation, up to and including the first end-of-sequence token unless those are ignored
     * @param promptLogits logits of the prompt's last position, or null if not asked for
     */
    public record SequenceOutput(List<Integer> promptIds, List<Integer> tokenIds, float[] promptLogits) {}
}
