package io.maseparation.parallel.timeline;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.TreeSet;

/** Lays out events side by side wherever they overlap. */
public final class Lanes {
    private record Busy(long untilNanos, int lane) {}

    private Lanes() {}

    /**
     * The events in as few lanes as possible, each in chronological order and without overlaps. An event goes to the
     * first lane that is free, so that events that never overlap are all in the first.
     *
     * @param events events in any order
     * @return at least one lane if there is an event
     * @throws IllegalArgumentException if an event ends before it starts
     */
    public static List<List<TimelineEvent>> of(List<TimelineEvent> events) {
        List<TimelineEvent> sorted = new ArrayList<>(events);
        sorted.sort(Comparator.comparingLong(TimelineEvent::startNanos).thenComparingLong(TimelineEvent::endNanos));
        List<List<TimelineEvent>> lanes = new ArrayList<>();
        PriorityQueue<Busy> busy = new PriorityQueue<>(Comparator.comparingLong(Busy::untilNanos));
        TreeSet<Integer> free = new TreeSet<>();
        for (TimelineEvent event : sorted) {
            if (event.endNanos() < event.startNanos()) {
                throw new IllegalArgumentException("an event ends before it starts: " + event);
            }
            while (!busy.isEmpty() && busy.peek().untilNanos() <= event.startNanos()) {
                free.add(busy.poll().lane());
            }
            if (free.isEmpty()) {
                free.add(lanes.size());
                lanes.add(new ArrayList<>());
            }
            int lane = free.pollFirst();
            lanes.get(lane).add(event);
            busy.add(new Busy(event.endNanos(), lane));
        }
        return lanes;
    }
}
