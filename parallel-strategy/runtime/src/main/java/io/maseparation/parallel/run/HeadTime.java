package io.maseparation.parallel.run;

import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.HashMap;
import java.util.Map;

/** How much of a decode step goes into the segment with the final norm and the logits, where that is one of its own. */
public final class HeadTime {
    private static final String SEGMENT = "output";

    private HeadTime() {}

    /**
     * {@return mean time in milliseconds that this segment takes per decode step, on the rank that takes longest in
     * that step; NaN if nothing was decoded, or if layers and logits are one segment} It is taken from the timeline, so
     * from its beginning where a long run's is cut.
     *
     * @param result result of a run
     */
    public static double perStepMs(RunResult result) {
        Map<Integer, Map<Integer, Long>> nanos = new HashMap<>();
        for (TimelineEvent event : result.timeline().events()) {
            if (!event.prefill() && event.name().equals(SEGMENT)) {
                nanos.computeIfAbsent(event.step(), step -> new HashMap<>())
                        .merge(event.rank(), event.endNanos() - event.startNanos(), Long::sum);
            }
        }
        return nanos.values().stream()
                .mapToLong(ranks -> ranks.values().stream().mapToLong(n -> n).max().orElse(0))
                .average()
                .orElse(Double.NaN)
                / 1e6;
    }

    /**
     * {@return TPOT in milliseconds without it, or NaN likewise}
     *
     * @param result result of a run
     */
    public static double tpotWithoutMs(RunResult result) {
        return Math.max(0, result.metrics().tpotMs() - perStepMs(result));
    }
}
