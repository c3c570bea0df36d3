package io.maseparation.parallel.cli;

import io.maseparation.parallel.cli.results.SimulationReport;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SimulationResult;
import java.util.List;
import java.util.Locale;

/** Simulations one a row. */
final class SimulationTable {
    private SimulationTable() {}

    /**
     * One simulation.
     *
     * @param plan what it is in the comparison
     */
    record Row(String plan, SimulationResult result, Scenario scenario) {}

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
            table.row(row.plan(), r.plan().layout().strategy().id(), r.plan().layout().name(),
                    r.plan().batching().microBatches(), SimulationReport.devices(r.plan()), row.scenario().batch(),
                    row.scenario().context(), r.tpotMs(), r.boundMs(), r.clusterBoundMs(), r.tps(), r.ttftMs(),
                    SimulationReport.busy(r), r.busyAttention(), r.busyExpert(), r.mbu(), r.mfu(),
                    r.memoryEfficiency(), r.imbalance(), r.pricePerMillionTokens(),
                    r.regime().name().toLowerCase(Locale.ROOT), "simulated");
        }
        return table.build();
    }
}
