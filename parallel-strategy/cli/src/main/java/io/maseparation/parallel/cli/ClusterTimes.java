package io.maseparation.parallel.cli;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.SimulationResult;
import java.util.List;

/** The same layouts on a cluster that nobody needs to have: simulated, beside what was measured here. */
final class ClusterTimes {
    private ClusterTimes() {}

    /**
     * One row a layout.
     *
     * @param batch sequences
     * @param context positions of each, in the middle of the run
     */
    static Table of(ModelConfig config, List<Setup> layouts, Cluster cluster, int batch, int context) {
        Table.Builder table = Table.builder()
                .column("strategy", "strategy", Unit.PLAIN)
                .column("layout", "layout", Unit.PLAIN)
                .column("tpot_ms", "TPOT on " + cluster.name(), Unit.MILLISECONDS)
                .column("bound_ms", "bound", Unit.MILLISECONDS)
                .column("tps", "TPS", Unit.NUMBER)
                .column("busy_attention", "busy attention", Unit.PERCENT)
                .column("busy_expert", "busy experts", Unit.PERCENT)
                .column("regime", "bound by", Unit.PLAIN);
        for (Setup setup : layouts) {
            try {
                SimulationResult r = new Simulation(
                        Planning.plan(config, setup), cluster, Scenario.decode(batch, context)).run(false);
                table.row(setup.layout().strategy().id(), setup.layout().name(), r.tpotMs(), r.bounds().layoutMs(),
                        r.tps(),
                        r.use().busyAttention(), r.use().busyExpert(), r.regime().id());
            } catch (PlanException e) {
                table.row(setup.layout().strategy().id(), setup.layout().name(), null, null, null, null, null,
                        FlagNames.translate(e.getMessage()));
            }
        }
        return table.build();
    }
}
