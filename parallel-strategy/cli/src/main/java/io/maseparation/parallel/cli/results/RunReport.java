package io.maseparation.parallel.cli.results;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.run.HeadTime;
import io.maseparation.parallel.run.Metrics;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.RunResult.RankReport;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

/** One run as plain values: metrics and ranks. */
public final class RunReport {
    private RunReport() {}

    /** Metrics under their names in JSON. */
    public static Map<String, Object> metrics(RunResult result) {
        Metrics m = result.metrics();
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("tpot_ms", m.tpotMs());
        values.put("tpot_p50_ms", m.latency().tpotP50Ms());
        values.put("tpot_p90_ms", m.latency().tpotP90Ms());
        values.put("tpot_p99_ms", m.latency().tpotP99Ms());
        values.put("tpot_without_lm_head_ms", HeadTime.tpotWithoutMs(result));
        values.put("tps", m.tps());
        values.put("ttft_ms", m.latency().ttftMs());
        values.put("wall_ms", m.wallMs());
        values.put("busy_attention", m.utilisation().busyAttention());
        values.put("busy_expert", m.utilisation().busyExpert());
        values.put("bytes_moved_per_step", m.work().bytesPerStep());
        values.put("flops_per_step", m.work().flopsPerStep());
        values.put("achieved_bytes_per_second", m.work().bytesPerSecond());
        values.put("achieved_flops_per_second", m.work().flopsPerSecond());
        values.put("memory_efficiency", m.utilisation().memoryEfficiency());
        values.put("imbalance", m.utilisation().imbalance());
        values.put("setup_ms", m.setupMs());
        return values;
    }

    /** The metrics that people look at, one per row. */
    public static Table metricsTable(RunResult result) {
        Metrics m = result.metrics();
        Table.Builder table = Table.builder()
                .column("metric", "metric", Unit.PLAIN)
                .column("value", "value", Unit.PLAIN)
                .column("meaning", "", Unit.PLAIN);
        Unit ms = Unit.MILLISECONDS;
        Unit share = Unit.PERCENT;
        table.row("TPOT", ms.text(m.tpotMs()), "time between a sequence's tokens: p50 %s, p90 %s, p99 %s"
                .formatted(ms.text(m.latency().tpotP50Ms()), ms.text(m.latency().tpotP90Ms()),
                        ms.text(m.latency().tpotP99Ms())));
        table.row("TPOT without LM head", ms.text(HeadTime.tpotWithoutMs(result)),
                "less the final norm and the logits");
        table.row("TPS", Unit.NUMBER.text(m.tps()), "output tokens per second over the batch, while decoding");
        table.row("TTFT", ms.text(m.latency().ttftMs()), "time to a sequence's first token");
        table.row("wall", ms.text(m.wallMs()), "first prompt token to last output token");
        table.row("busy attention", share.text(m.utilisation().busyAttention()),
                "decode time that ranks with attention compute");
        table.row("busy experts", share.text(m.utilisation().busyExpert()),
                "decode time that ranks with experts compute");
        table.row("memory efficiency", share.text(m.utilisation().memoryEfficiency()),
                "unique weights and live KV, of what all ranks hold");
        table.row("imbalance", Unit.NUMBER.text(m.utilisation().imbalance()),
                "rows of the busiest expert rank over the mean");
        return table.build();
    }

    /** One row per rank. */
    public static Table ranks(RunResult result) {
        return Table.of(result.ranks(),
                column("rank", "rank", Unit.COUNT, RankReport::rank),
                column("role", "role", Unit.PLAIN, r -> r.role().id()),
                column("device", "device", Unit.PLAIN, RankReport::device),
                column("weight_bytes", "weights", Unit.BYTES, r -> r.memory().weightBytes()),
                column("kv_bytes", "KV cache", Unit.BYTES, r -> r.memory().kvBytes()),
                column("activation_bytes", "activations", Unit.BYTES, r -> r.memory().activationBytes()),
                column("bytes_sent", "sent", Unit.BYTES, RankReport::bytesSent),
                column("busy_ms", "busy", Unit.MILLISECONDS, r -> r.times().busyMs()),
                column("busy", "busy decoding", Unit.PERCENT, r -> r.times().busy()),
                column("tasks_per_step", "tasks per step", Unit.NUMBER, r -> r.perStep().tasks()),
                column("transfer_bytes_per_step", "host transfers per step", Unit.BYTES, r -> {
                    double bytes = r.perStep().transferBytes();
                    return Double.isNaN(bytes) ? null : (long) bytes;
                }),
                column("message_ms_per_step", "messages per step", Unit.MILLISECONDS, r -> r.perStep().messageMs()),
                column("first_run_ms", "first runs", Unit.MILLISECONDS, r -> r.times().firstRunMs()));
    }

    /**
     * One row per change of layout, made or not.
     *
     * @param words turns the library's words on how it ended into the reader's
     */
    public static Table changes(RunResult result, UnaryOperator<String> words) {
        return Table.of(result.changes(),
                column("step", "after step", Unit.COUNT, LayoutChange::step),
                column("kind", "change of", Unit.PLAIN, c -> c.kind().name().toLowerCase(Locale.ROOT)),
                column("from", "from", Unit.PLAIN, LayoutChange::from),
                column("to", "to", Unit.PLAIN, LayoutChange::to),
                column("predicted_gain_ms", "predicted gain", Unit.MILLISECONDS, LayoutChange::predictedGainMs),
                column("bytes_moved", "moved", Unit.BYTES, c -> c.cost().bytesMoved()),
                column("prepared_ms", "set up in", Unit.MILLISECONDS, c -> c.cost().preparedMs()),
                column("paused_ms", "pause", Unit.MILLISECONDS, c -> c.cost().pausedMs()),
                column("outcome", "outcome", Unit.PLAIN, c -> words.apply(c.outcome())));
    }

    /** What times on this backend say, and what they do not, where that needs saying. */
    public static List<String> caveats(String backend, int ranks) {
        return backend.equals("embedded") && ranks > 1
                ? List.of("All ranks share this machine's cores and memory: times and busy shares are of this machine,"
                        + " not of " + ranks + " devices.")
                : List.of();
    }
}
