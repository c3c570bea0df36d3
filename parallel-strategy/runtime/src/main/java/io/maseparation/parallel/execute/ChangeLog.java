package io.maseparation.parallel.execute;

import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutChange.Kind;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The changes of layout that a run made or tried, and where they are on its timeline. */
final class ChangeLog {
    private final List<LayoutChange> changes = new ArrayList<>();
    private final List<TimelineEvent> events = new ArrayList<>();

    /**
     * How far a change got.
     *
     * @param from the layout before
     * @param kind what moves, if that is known beside the proposal
     * @param proposal the layout after, if there was one
     * @param step decode steps done
     * @param preparedNanos time that setting up took
     * @param pause when the steps were paused for it
     * @param bytes bytes moved
     */
    record Try(
            String from,
            Optional<Kind> kind,
            Optional<LayoutPolicy.Proposal> proposal,
            int step,
            long preparedNanos,
            long pause,
            long bytes) {}

    /** Notes a change whose pause ends now. */
    LayoutChange add(Try change, int ranks, String outcome) {
        long end = System.nanoTime();
        Kind kind = change.proposal.map(LayoutPolicy.Proposal::kind).or(() -> change.kind).orElse(Kind.EXPERTS);
        String to = change.proposal.map(p -> p.target().setup().layout().name()).orElse(change.from);
        LayoutChange added = new LayoutChange(
                change.step,
                kind,
                change.from,
                to,
                change.proposal.map(LayoutPolicy.Proposal::gainMs).orElse(Double.NaN),
                new LayoutChange.Cost(change.bytes, change.preparedNanos / 1e6, (end - change.pause) / 1e6),
                outcome.equals(LayoutChange.SWITCHED),
                outcome);
        changes.add(added);
        for (int rank = 0; rank < ranks; rank++) {
            events.add(new TimelineEvent(
                    rank,
                    TimelineEvent.Stream.TRANSFER,
                    "layout: %s to %s: %s".formatted(change.from, to, outcome),
                    0,
                    change.step,
                    false,
                    change.pause,
                    end));
        }
        return added;
    }

    /** Notes a change that was ordered and never came to it. */
    void missed(int step, Kind kind, int decoded) {
        changes.add(new LayoutChange(step, kind, "", "", Double.NaN, LayoutChange.Cost.NONE, false,
                "not reached: the run ended after %d decode steps".formatted(decoded)));
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
