package io.maseparation.parallel.search;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a search found.
 *
 * @param request what was searched for
 * @param leaders for each kind of layout that is possible the best ones, best first
 * @param candidates layouts that were looked at
 * @param refused layouts among them that the model or the memory of the devices does not allow
 * @param simulated layouts among them that were simulated; the others cannot win, by their bounds
 */
public record SearchResult(
        SearchRequest request, Map<LayoutKind, List<Evaluation>> leaders, int candidates, int refused, int simulated) {

    public SearchResult {
        leaders = Map.copyOf(leaders);
    }

    /** The best of a kind. */
    public Optional<Evaluation> best(LayoutKind kind) {
        return Optional.ofNullable(leaders.get(kind)).map(List::getFirst);
    }

    /** The best of all. */
    public Evaluation best() {
        return bestOf(Arrays.stream(LayoutKind.values())).orElseThrow();
    }

    /** The best that does not separate attention from experts. */
    public Optional<Evaluation> bestColocated() {
        return bestOf(Arrays.stream(LayoutKind.values()).filter(k -> k != LayoutKind.MA));
    }

    private Optional<Evaluation> bestOf(Stream<LayoutKind> kinds) {
        return kinds.flatMap(kind -> best(kind).stream()).min(Comparator.comparingDouble(Evaluation::score));
    }
}
