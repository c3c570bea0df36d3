package io.maseparation.parallel.cli;

import io.maseparation.parallel.cli.results.SimulationReport;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SimulationResult;
import java.util.List;

/** Simulations one a row. */
final class SimulationTable {
    private SimulationTable() {}

    /**
     * One simulation.
     *
     * @param plan what it is in the comparison
     */
    record Row(String plan, SimulationResult result) {}

    static Table of(List<Row> rows) {
        Table.Builder table = Table.builder()
                .column("plan", "plan", Unit.PLAIN)
                .column("strategy", "strategy", Unit.PLAIN)
                .column("layout", "layout", Unit.PLAIN)
                .column("micro_batches", "micro-batches", Unit.COUNT)
                .column("devices", "devices", Unit.PLAIN)
                .column("batch", "batch", Unit.COUNT)
                .column("context", "context", Unit.COUNT)
                .column("tpot_ms", "TPOT", Unit.MILLISECONDS)
                .column("bound_ms", "bound", Unit.MILLISECONDS)
                .column("cluster_bound_ms", "any layout", Unit.MILLISECONDS)
                .column("tps", "TPS", Unit.NUMBER)
                .column("ttft_ms", "TTFT", Unit.MILLISECONDS)
                .column("busy", "busy", Unit.PERCENT)
                .column("busy_attention", "busy attention", Unit.PERCENT)
                .column("busy_expert", "busy experts", Unit.PERCENT)
                .column("mbu", "MBU", Unit.PERCENT)
                .column("mfu", "MFU", Unit.PERCENT)
                .column("memory_efficiency", "memory efficiency", Unit.PERCENT)
                .column("imbalance", "imbalance", Unit.NUMBER)
                .column("price_per_million_tokens", "price of 1 M tokens", Unit.NUMBER)
                .column("regime", "bound by", Unit.PLAIN)
                .column("source", "source", Unit.PLAIN);
        for (Row row : rows) {
            SimulationResult r = row.result();
            Plan plan = r.simulation().plan();
            Scenario scenario = r.simulation().scenario();
            SimulationResult.Use use = r.use();
            table.row(row.plan(), plan.layout().strategy().id(), plan.layout().name(),
                    plan.batching().microBatches(), SimulationReport.devices(plan), scenario.batch(),
                    scenario.context(), r.tpotMs(), r.bounds().layoutMs(), r.bounds().clusterMs(), r.tps(),
                    r.speed().ttftMs(), r.busy(), use.busyAttention(), use.busyExpert(), use.mbu(), use.mfu(),
                    use.memoryEfficiency(), use.imbalance(), r.speed().pricePerMillionTokens(), r.regime().id(),
                    "simulated");
        }
        return table.build();
    }
}
