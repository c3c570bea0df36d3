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
 * @param leaders the best layouts of each kind that is possible, best first
 * @param candidates number of layouts that were looked at
 * @param refused how many of them the model or the memory of the devices does not allow
 * @param simulated how many of them were simulated; by their bounds, the others cannot win
 * @param untried for which layouts the time did not suffice
 */
public record SearchResult(
        SearchRequest request,
        Map<LayoutKind, List<Evaluation>> leaders,
        int candidates,
        int refused,
        int simulated,
        Untried untried) {

    /**
     * Layouts that a search with a deadline did not come to; none of it without one.
     *
     * @param bounded layouts not looked at
     * @param simulated layouts that could win by their bounds and were not simulated
     * @param again layouts near the best that were simulated for a few steps only
     */
    public record Untried(int bounded, int simulated, int again) {
        /** Nothing. */
        public static final Untried NOTHING = new Untried(0, 0, 0);

        /** {@return whether there is anything} */
        public boolean any() {
            return !equals(NOTHING);
        }
    }

    /** A search that came to everything. */
    SearchResult(
            SearchRequest request, Map<LayoutKind, List<Evaluation>> leaders, int candidates, int refused,
            int simulated) {
        this(request, leaders, candidates, refused, simulated, Untried.NOTHING);
    }

    /** Copies the map. */
    public SearchResult {
        leaders = Map.copyOf(leaders);
    }

    /**
     * {@return the best layout of a kind; empty if none is possible}
     *
     * @param kind the kind
     */
    public Optional<Evaluation> best(LayoutKind kind) {
        return Optional.ofNullable(leaders.get(kind)).map(List::getFirst);
    }

    /** {@return the best of all layouts} */
    public Evaluation best() {
        return bestOf(Arrays.stream(LayoutKind.values())).orElseThrow();
    }

    /** {@return the best layout that does not separate attention from experts; empty if none is possible} */
    public Optional<Evaluation> bestColocated() {
        return bestOf(Arrays.stream(LayoutKind.values()).filter(k -> !k.separates()));
    }

    private Optional<Evaluation> bestOf(Stream<LayoutKind> kinds) {
        return kinds.flatMap(kind -> best(kind).stream()).min(Comparator.comparingDouble(Evaluation::score));
    }
}
