package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.SimulationResult;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What it costs that answers have the bits of a single device. Layouts that split a sum over ranks round it in another
 * order; so does a layout whose expert ranks send back sums. The best layouts of a search are simulated with either
 * way.
 *
 * @param identical the best plan that splits no sum
 * @param best the best plan of all
 * @param cost what {@code best} gains over {@code identical}, as {@link Verdict#gain} has it; 0 where they are the same
 * @param untried how many layouts were not simulated the other way, since the time limit was over
 */
public record BitIdentity(Evaluation identical, Evaluation best, double cost, int untried) {
    /**
     * {@return what bit identity costs; empty if no plan has it}
     *
     * @param found what a search found
     */
    public static Optional<BitIdentity> of(SearchResult found) {
        List<Evaluation> all = new ArrayList<>();
        int untried = 0;
        for (LayoutKind kind : LayoutKind.values()) {
            Optional<Evaluation> e = found.best(kind);
            e.ifPresent(all::add);
            if (e.filter(x -> x.layout().setup().layout().expertGroups() > 0).isPresent()) {
                if (found.request().deadline().passed(1)) {
                    untried++;
                } else {
                    all.add(otherWay(found.request(), e.get()));
                }
            }
        }
        int missing = untried;
        Comparator<Evaluation> byScore = Comparator.comparingDouble(Evaluation::score);
        Evaluation best = all.stream().min(byScore).orElseThrow();
        return all.stream()
                .filter(e -> !e.layout().setup().layout().splitsSums() && Double.isFinite(e.score()))
                .min(byScore)
                .map(e -> new BitIdentity(
                        e, best, found.request().goal().objective().gain(best.score(), e.score()), missing));
    }

    private static Evaluation otherWay(SearchRequest request, Evaluation e) {
        Layout layout = e.layout().setup().layout();
        PlacedLayout other = new PlacedLayout(
                e.layout().setup().withLayout(layout.withCombine(
                        layout.combine() == CombineMode.SUMS ? CombineMode.EXPERTS : CombineMode.SUMS)),
                e.layout().devices());
        ModelConfig config = request.config();
        Simulation simulation =
                new Simulation(other.plan(config), request.cluster(), e.result().simulation().scenario());
        SimulationResult result = simulation.run(false);
        return new Evaluation(other, result, request.goal().score(simulation, result.tpotMs()));
    }

    /** {@return all of this in words} */
    public String words() {
        String plan = identical.layout().setup().title();
        return identical.equals(best)
                ? "The best plan, %s, has the bits of a single device.".formatted(plan)
                : String.format(Locale.ROOT,
                        "Bits of a single device cost %.1f %%: the best plan with them is %s, and %s, which rounds sums in"
                                + " another order, is the best without.",
                        100 * cost, plan, best.layout().setup().title());
    }
}
