package io.maseparation.parallel.search;

import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.threads.ParallelMap;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * What a search found, with the ranges that the errors of the cluster's profile make of its times.
 *
 * @param found the search, the best of each kind with ranges
 * @param bits what bit identity costs, its plans with ranges
 * @param complete whether the time limit left time for all ranges
 */
public record Ranges(SearchResult found, Optional<BitIdentity> bits, boolean complete) {
    /**
     * Simulates the plans that are reported with slower and with faster devices and links.
     *
     * @param found what a search found
     * @param bits what bit identity costs
     * @return the same with ranges, as far as the time limit allows
     */
    public static Ranges of(SearchResult found, Optional<BitIdentity> bits) {
        Trial trial = new Trial(found.request());
        RoutingModel remembering = Planner.remembering(found.request());
        List<Evaluation> reported = Stream.concat(
                found.leaders().values().stream().map(List::getFirst),
                bits.stream().flatMap(b -> Stream.of(b.identical(), b.best())))
                .distinct()
                .toList();
        List<Evaluation> ranged = new ParallelMap("search", found.request().threads(), () -> {})
                .map(reported, e -> found.request().deadline().passed(1)
                        ? e
                        : e.with(e.result().withRange(s -> trial.roughTpotMs(
                                s.with(s.scenario().withRouting(remembering, s.scenario().seed()))))));
        UnaryOperator<Evaluation> with = e -> ranged.get(reported.indexOf(e));
        Map<LayoutKind, List<Evaluation>> leaders = new EnumMap<>(LayoutKind.class);
        found.leaders().forEach((kind, of) -> {
            List<Evaluation> all = new ArrayList<>(of);
            all.set(0, with.apply(of.getFirst()));
            leaders.put(kind, all);
        });
        return new Ranges(
                new SearchResult(found.request(), leaders, found.candidates(), found.refused(), found.simulated(),
                        found.untried()),
                bits.map(b -> new BitIdentity(with.apply(b.identical()), with.apply(b.best()), b.cost(), b.untried())),
                ranged.stream().noneMatch(e -> Double.isNaN(e.result().range().lowMs())));
    }
}
