package io.maseparation.parallel.search;

import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.SimulationResult;
import io.maseparation.parallel.threads.ParallelMap;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BinaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What it costs that answers have the bits of a single device. Layouts that split a sum over ranks round it in another
 * order; so does a layout whose expert ranks send back sums. The best layouts of a search are simulated with either
 * way.
 *
 * @param identical the best plan that splits no sum
 * @param best the best plan of all
 * @param cost what {@code best} gains over {@code identical}, as defined by {@link Verdict#gain}; 0 where they are the
 *     same
 * @param untried how many layouts were not simulated the other way, since the time limit was over
 */
public record BitIdentity(Evaluation identical, Evaluation best, double cost, int untried) {
    /**
     * {@return what bit identity costs; empty if no plan has it}
     *
     * @param found what a search found
     */
    public static Optional<BitIdentity> of(SearchResult found) {
        List<Evaluation> all = new ArrayList<>(Stream.of(LayoutKind.values())
                .flatMap(kind -> found.best(kind).stream())
                .toList());
        List<Evaluation> both = all.stream()
                .filter(e -> e.layout().setup().layout().expertGroups() > 0)
                .distinct()
                .toList();
        Trial trial = new Trial(found.request());
        RoutingModel remembering = Planner.remembering(found.request());
        List<Evaluation> turned = trial.byFewerLayers() && !found.request().deadline().passed(1)
                ? best(both, trial, remembering)
                : both;
        List<Evaluation> others = new ParallelMap("search", found.request().threads(), () -> {})
                .map(turned, e -> found.request().deadline().passed(1)
                        ? Optional.<Evaluation>empty()
                        : Optional.of(otherWay(found.request(), e, remembering)))
                .stream()
                .flatMap(Optional::stream)
                .toList();
        all.addAll(others);
        int missing = turned.size() - others.size();
        Comparator<Evaluation> byScore = Comparator.comparingDouble(Evaluation::score);
        Evaluation best = all.stream().min(byScore).orElseThrow();
        return all.stream()
                .filter(e -> !e.layout().setup().layout().splitsSums() && Double.isFinite(e.score()))
                .min(byScore)
                .map(e -> new BitIdentity(
                        e, best, found.request().goal().objective().gain(best.score(), e.score()), missing));
    }

    /**
     * Of plans of either kind that which is best the other way by a few layers; only that one is worth a simulation.
     */
    private static List<Evaluation> best(List<Evaluation> turned, Trial trial, RoutingModel remembering) {
        Comparator<Evaluation> byScore = Comparator.comparingDouble(
                e -> trial.roughScore(simulation(trial.request(), e, remembering)));
        return List.copyOf(turned.stream()
                .collect(Collectors.toMap(
                        e -> turned(e.layout()).setup().layout().splitsSums(), e -> e,
                        BinaryOperator.minBy(byScore)))
                .values());
    }

    private static PlacedLayout turned(PlacedLayout placed) {
        Layout layout = placed.setup().layout();
        return new PlacedLayout(
                placed.setup().withLayout(layout.withCombine(
                        layout.combine() == CombineMode.SUMS ? CombineMode.EXPERTS : CombineMode.SUMS)),
                placed.devices());
    }

    /** A plan the other way, with choices of experts that are drawn once. */
    private static Simulation simulation(SearchRequest request, Evaluation e, RoutingModel remembering) {
        Scenario scenario = e.result().simulation().scenario();
        return new Simulation(
                turned(e.layout()).plan(request.config()), request.cluster(),
                scenario.withRouting(remembering, scenario.seed()));
    }

    private static Evaluation otherWay(SearchRequest request, Evaluation e, RoutingModel remembering) {
        SimulationResult result = simulation(request, e, remembering)
                .run(false)
                .of(e.result().simulation().scenario());
        return new Evaluation(
                turned(e.layout()), result, request.goal().score(result.simulation(), result.tpotMs()));
    }

    /** {@return all of this in words} */
    public String words() {
        String plan = identical.layout().setup().name();
        return identical.equals(best)
                ? "The best plan, %s, has the bits of a single device.".formatted(plan)
                : String.format(Locale.ROOT,
                        "Bits of a single device cost %.1f %%: the best plan with them is %s, and %s, which rounds sums in"
                                + " another order, is the best without.",
                        100 * cost, plan, best.layout().setup().name());
    }
}
