package io.maseparation.parallel.execute;

import io.maseparation.files.Text;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutChange.Kind;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.List;

/** The changes of layout that a run made or tried, and where they are on its timeline. */
final class ChangeLog {
    private final List<LayoutChange> changes = new ArrayList<>();
    private final List<TimelineEvent> events = new ArrayList<>();

    /** Notes a change, made or not, that all ranks were paused for. */
    void add(LayoutChange change, int ranks, long pauseNanos, long endNanos) {
        changes.add(change);
        String name = "layout: %s to %s: %s".formatted(change.from(), change.to(), change.outcome());
        for (int rank = 0; rank < ranks; rank++) {
            events.add(new TimelineEvent(
                    rank, TimelineEvent.Stream.TRANSFER, name, 0, change.step(), false, pauseNanos, endNanos));
        }
    }

    /** Notes a change that was ordered for a step that the run did not reach. */
    void missed(int step, Kind kind, int decoded) {
        changes.add(new LayoutChange(step, kind, "", "", Double.NaN, LayoutChange.Cost.NONE, false,
                "not reached: the run ended after " + Text.count(decoded, "decode step")));
    }

    /** All changes so far, made or not. */
    List<LayoutChange> all() {
        return List.copyOf(changes);
    }

    /** The changes on the timeline, on every rank. */
    List<TimelineEvent> events() {
        return List.copyOf(events);
    }
}
