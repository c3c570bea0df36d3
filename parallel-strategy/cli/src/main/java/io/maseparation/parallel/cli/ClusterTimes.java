package io.maseparation.parallel.cli;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.SimulationResult;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/** The same layouts simulated on another cluster, to stand beside what was measured here. */
final class ClusterTimes {
    private ClusterTimes() {}

    /**
     * One row per layout.
     *
     * @param batch sequences
     * @param context positions of each, in the middle of the run
     */
    static Table of(ModelConfig config, List<Setup> layouts, Cluster cluster, int batch, int context) {
        Scenario scenario = Scenario.decode(batch, context);
        return Table.of(layouts.stream().map(setup -> simulated(config, setup, cluster, scenario)).toList(),
                column("strategy", "strategy", Unit.PLAIN, r -> r.layout().strategy().id()),
                column("layout", "layout", Unit.PLAIN, r -> r.layout().name()),
                column("tpot_ms", "TPOT on " + cluster.name(), Unit.MILLISECONDS, r -> r.value(x -> x.tpotMs())),
                column("tpot_low_ms", "from", Unit.MILLISECONDS, r -> r.value(x -> x.range().lowMs())),
                column("tpot_high_ms", "to", Unit.MILLISECONDS, r -> r.value(x -> x.range().highMs())),
                column("bound_ms", "bound", Unit.MILLISECONDS, r -> r.value(x -> x.bounds().layoutMs())),
                column("tps", "TPS", Unit.NUMBER, r -> r.value(x -> x.tps())),
                column("busy_attention", "busy attention", Unit.PERCENT, r -> r.value(x -> x.use().busyAttention())),
                column("busy_expert", "busy experts", Unit.PERCENT, r -> r.value(x -> x.use().busyExpert())),
                column("regime", "bound by", Unit.PLAIN, Row::outcome));
    }

    /**
     * A layout on the cluster.
     *
     * @param result none where it cannot run there
     * @param outcome what bounds it, or why it cannot run
     */
    private record Row(Layout layout, Optional<SimulationResult> result, String outcome) {
        double value(ToDoubleFunction<SimulationResult> of) {
            return result.map(of::applyAsDouble).orElse(Double.NaN);
        }
    }

    private static Row simulated(ModelConfig config, Setup setup, Cluster cluster, Scenario scenario) {
        try {
            SimulationResult result = new Simulation(Planning.plan(config, setup), cluster, scenario).run(false)
                    .withRange();
            return new Row(setup.layout(), Optional.of(result), result.regime().id());
        } catch (PlanException e) {
            return new Row(setup.layout(), Optional.empty(), FlagNames.translate(e.getMessage()));
        }
    }
}
