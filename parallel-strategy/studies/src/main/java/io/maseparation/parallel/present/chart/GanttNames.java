package io.maseparation.parallel.present.chart;

import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Short names of kernels: "attention3" becomes A3, unless A stands for something else too. */
final class GanttNames {
    private static final Pattern NUMBERED = Pattern.compile("(\\p{Alpha})\\p{Alpha}*?(\\d+)");

    private final SortedMap<String, String> words = new TreeMap<>();
    private boolean ambiguous;

    GanttNames(List<TimelineEvent> events) {
        for (TimelineEvent event : events) {
            Matcher matcher = NUMBERED.matcher(event.name());
            if (event.stream() == TimelineEvent.Stream.COMPUTE && matcher.matches()) {
                String word = event.name().substring(0, matcher.start(2));
                String before = words.put(letter(matcher), word);
                ambiguous |= before != null && !before.equals(word);
            }
        }
    }

    private static String letter(Matcher matcher) {
        return matcher.group(1).toUpperCase(Locale.ROOT);
    }

    /** The text for a name in this width; empty where it does not fit. */
    String fitting(String name, double width) {
        Matcher matcher = NUMBERED.matcher(name);
        String written = ambiguous || !matcher.matches() ? name : letter(matcher) + matcher.group(2);
        return Words.width(written, Sheet.SMALL) <= width ? written : "";
    }

    /** What the letters stand for; empty where there are none. */
    String key() {
        return ambiguous
                ? ""
                : words.entrySet().stream()
                        .map(e -> e.getKey() + ": " + e.getValue())
                        .collect(Collectors.joining(", "));
    }
}
