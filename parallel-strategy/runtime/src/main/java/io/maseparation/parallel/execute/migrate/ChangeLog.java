package io.maseparation.parallel.execute.migrate;

import io.maseparation.files.Text;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutChange.Kind;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** The changes of layout that were made or tried, and where they are on the timeline. */
public final class ChangeLog {
    private final int most;
    private final Deque<LayoutChange> changes = new ArrayDeque<>();
    private final List<TimelineEvent> events = new ArrayList<>();

    /** @param most changes that are kept, the latest ones; with those that are not kept, no timeline is */
    ChangeLog(int most) {
        this.most = most;
    }

    private void add(LayoutChange change) {
        if (changes.size() == most) {
            changes.removeFirst();
        }
        changes.add(change);
    }

    /** Notes a change, made or not, that all ranks were paused for. */
    synchronized void add(LayoutChange change, int ranks, long pauseNanos, long endNanos) {
        add(change);
        if (most < Integer.MAX_VALUE) {
            return;
        }
        String name = "layout: %s to %s: %s".formatted(change.from(), change.to(), change.outcome());
        for (int rank = 0; rank < ranks; rank++) {
            events.add(new TimelineEvent(
                    rank, TimelineEvent.Stream.TRANSFER, name, 0, change.step(), false, pauseNanos, endNanos));
        }
    }

    /** Notes a change that was ordered for a step that the run did not reach. */
    synchronized void missed(int step, Kind kind, int decoded) {
        add(new LayoutChange(step, kind, "", "", Double.NaN, LayoutChange.Cost.NONE, false,
                "not reached: the run ended after " + Text.count(decoded, "decode step")));
    }

    /** {@return the changes so far, made or not} For any thread. */
    public synchronized List<LayoutChange> all() {
        return List.copyOf(changes);
    }

    /** {@return the changes on the timeline, on every rank} */
    public synchronized List<TimelineEvent> events() {
        return List.copyOf(events);
    }
}
