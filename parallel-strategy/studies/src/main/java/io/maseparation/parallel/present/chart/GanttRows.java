package io.maseparation.parallel.present.chart;

import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Which ranks a Gantt chart shows: all of them where there are few, otherwise one for each group of ranks that do the
 * same.
 */
final class GanttRows {
    /** Most rows that are still readable. */
    static final int MOST = 16;

    /** A row with the events of one rank, which stands for all ranks that the label names. */
    record Row(String label, String tip, List<TimelineEvent> events) {}

    /** An event without its rank and its place in time: what ranks that are alike share. */
    private record Shape(TimelineEvent.Stream stream, String name, int microBatch, int step, long start, long end) {}

    private record Rank(int index, String name, List<TimelineEvent> events) {
        long computeNanos() {
            return events.stream()
                    .filter(e -> e.stream() == TimelineEvent.Stream.COMPUTE)
                    .mapToLong(e -> e.endNanos() - e.startNanos())
                    .sum();
        }

        List<Shape> shapes() {
            return events.stream()
                    .map(e -> new Shape(
                            e.stream(), e.name(), e.microBatch(), e.step(), e.startNanos(), e.endNanos()))
                    .toList();
        }
    }

    private GanttRows() {}

    static List<Row> of(List<String> names, List<TimelineEvent> events) {
        List<Rank> ranks = IntStream.range(0, names.size())
                .mapToObj(i -> new Rank(i, names.get(i), new ArrayList<>()))
                .toList();
        for (TimelineEvent event : events) {
            if (event.rank() < 0 || event.rank() >= names.size()) {
                throw new IllegalArgumentException(
                        "an event is of rank %d, and %d ranks have names".formatted(event.rank(), names.size()));
            }
            ranks.get(event.rank()).events().add(event);
        }
        if (ranks.size() <= MOST) {
            return ranks.stream().map(r -> group(List.of(r), r, "")).toList();
        }
        Map<Object, List<Rank>> alike = ranks.stream()
                .collect(Collectors.groupingBy(
                        r -> List.of(r.name(), r.shapes()), LinkedHashMap::new, Collectors.toList()));
        if (alike.size() <= MOST) {
            return alike.values().stream().map(g -> group(g, g.getFirst(), "which do the same")).toList();
        }
        List<Row> rows = new ArrayList<>();
        ranks.stream()
                .collect(Collectors.groupingBy(Rank::name, LinkedHashMap::new, Collectors.toList()))
                .forEach((role, of) -> rows.add(group(
                        of, Collections.max(of, Comparator.comparingLong(Rank::computeNanos)),
                        "the one that computes longest")));
        return rows.size() <= MOST ? rows : rows.subList(0, MOST);
    }

    private static Row group(List<Rank> ranks, Rank shown, String why) {
        if (ranks.size() == 1) {
            return new Row(shown.index() + " " + shown.name(), "rank " + shown.index() + ", " + shown.name(),
                    shown.events());
        }
        return new Row(
                "%d %s × %d".formatted(shown.index(), shown.name(), ranks.size()),
                "rank %d, for %d ranks with %s, %s".formatted(shown.index(), ranks.size(), shown.name(), why),
                shown.events());
    }
}
