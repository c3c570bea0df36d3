package io.maseparation.parallel.cli.results;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.simulate.SimulationResult;
import java.util.List;

/** Simulations, one per row. */
public final class SimulationTable {
    private SimulationTable() {}

    /**
     * One simulation.
     *
     * @param label what it is in the comparison
     * @param result its result
     */
    public record Row(String label, SimulationResult result) {
        private Plan plan() {
            return result.simulation().plan();
        }
    }

    /**
     * {@return the table}
     *
     * @param rows one per simulation
     */
    public static Table of(List<Row> rows) {
        return Table.of(rows,
                column("plan", "plan", Unit.PLAIN, Row::label),
                column("strategy", "strategy", Unit.PLAIN, r -> r.plan().layout().strategy().id()),
                column("layout", "layout", Unit.PLAIN, r -> r.plan().layout().name()),
                column("micro_batches", "micro-batches", Unit.COUNT, r -> r.plan().batching().microBatches()),
                column("devices", "devices", Unit.PLAIN, r -> SimulationReport.devices(r.plan())),
                column("batch", "batch", Unit.COUNT, r -> r.result().simulation().scenario().batch()),
                column("context", "context", Unit.COUNT, r -> r.result().simulation().scenario().context()),
                column("tpot_ms", "TPOT", Unit.MILLISECONDS, r -> r.result().tpotMs()),
                column("tpot_low_ms", "TPOT from", Unit.MILLISECONDS, r -> r.result().range().lowMs()),
                column("tpot_high_ms", "to", Unit.MILLISECONDS, r -> r.result().range().highMs()),
                column("bound_ms", "bound", Unit.MILLISECONDS, r -> r.result().bounds().layoutMs()),
                column("cluster_bound_ms", "any layout", Unit.MILLISECONDS, r -> r.result().bounds().clusterMs()),
                column("tps", "TPS", Unit.NUMBER, r -> r.result().tps()),
                column("ttft_ms", "TTFT", Unit.MILLISECONDS, r -> r.result().speed().ttftMs()),
                column("busy", "busy", Unit.PERCENT, r -> r.result().busy()),
                column("busy_attention", "busy attention", Unit.PERCENT, r -> r.result().use().busyAttention()),
                column("busy_expert", "busy experts", Unit.PERCENT, r -> r.result().use().busyExpert()),
                column("mbu", "MBU", Unit.PERCENT, r -> r.result().use().mbu()),
                column("mfu", "MFU", Unit.PERCENT, r -> r.result().use().mfu()),
                column("memory_efficiency", "memory efficiency", Unit.PERCENT,
                        r -> r.result().use().memoryEfficiency()),
                column("imbalance", "imbalance", Unit.NUMBER, r -> r.result().use().imbalance()),
                column("price_per_million_tokens", "price of 1 M tokens", Unit.NUMBER,
                        r -> r.result().speed().pricePerMillionTokens()),
                column("regime", "bound by", Unit.PLAIN, r -> r.result().regime().id()),
                column("source", "source", Unit.PLAIN, r -> "simulated"));
    }
}
