package io.maseparation.parallel.cli.results;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.RelativeErrors;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SimulationResult;
import io.maseparation.parallel.simulate.SimulationResult.Rank;
import io.maseparation.parallel.simulate.SimulationResult.Regime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** One simulation as plain values. */
public final class SimulationReport {
    private SimulationReport() {}

    /** Everything, under its names in JSON. */
    public static Map<String, Object> tree(SimulationResult r) {
        Plan plan = r.simulation().plan();
        Scenario scenario = r.simulation().scenario();
        Setup setup = plan.setup();
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("strategy", setup.layout().strategy().id());
        tree.put("layout", setup.layout().name());
        tree.put("micro_batches", setup.batching().microBatches());
        tree.put("schedule", setup.batching().schedule().id());
        tree.put(CombineMode.NAME, setup.layout().combine().id());
        tree.put(Dispatch.NAME, setup.layout().dispatch().mode().id());
        tree.put("devices", plan.devices());
        tree.put("model", plan.config().name());
        ModelSize size = ModelSize.of(plan.config());
        tree.put("parameters", size.parameters());
        tree.put("active_parameters", size.activeParameters());
        tree.put("weight_dtype", weightFormats(plan.config()));
        tree.put("kv_dtype", scenario.conditions().kvFormat().id());
        tree.put("experts_per_token", plan.config().maxTopK());
        tree.put("cluster", r.simulation().cluster().name());
        tree.put("batch", scenario.batch());
        tree.put("context", scenario.context());
        tree.put("launch", scenario.conditions().launch().id());
        tree.put("collectives", scenario.conditions().collectives().id());
        Map<String, Object> sources = new LinkedHashMap<>();
        r.simulation().collectiveSources().forEach((operation, source) -> sources.put(operation.id(), source));
        tree.put("collective_times", sources);
        tree.put("routing", scenario.routing().description());
        tree.put("seed", scenario.seed());
        tree.put("steps", scenario.steps());
        tree.put("lm_head", scenario.conditions().lmHead());
        tree.put("source", "simulated");
        tree.put("kernel_times", kernelTimes(r));
        tree.putAll(metrics(r));
        tree.put("critical_path", criticalPath(r));
        tree.put("ranks", ranks(r).objects());
        return tree;
    }

    /** Metrics under their names in JSON. */
    public static Map<String, Object> metrics(SimulationResult r) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("tpot_ms", r.tpotMs());
        values.put("tpot_range_ms", Double.isNaN(r.range().lowMs())
                ? null
                : List.of(r.range().lowMs(), r.range().highMs()));
        values.put("tpot_p50_ms", r.speed().tpotP50Ms());
        values.put("tpot_p90_ms", r.speed().tpotP90Ms());
        values.put("tpot_p99_ms", r.speed().tpotP99Ms());
        values.put("tps", r.tps());
        values.put("ttft_ms", r.speed().ttftMs());
        values.put("prefill_ms", r.speed().prefillMs());
        values.put("bound_ms", r.bounds().layoutMs());
        values.put("cluster_bound_ms", r.bounds().clusterMs());
        values.put("busy", r.busy());
        values.put("busy_attention", r.use().busyAttention());
        values.put("busy_expert", r.use().busyExpert());
        values.put("mbu", r.use().mbu());
        values.put("mfu", r.use().mfu());
        values.put("memory_efficiency", r.use().memoryEfficiency());
        values.put("imbalance", r.use().imbalance());
        values.put("price_per_million_tokens", r.speed().pricePerMillionTokens());
        values.put("regime", r.regime().id());
        return values;
    }

    /** Formats of a model's matrices, that of its experts first. */
    public static String weightFormats(ModelConfig config) {
        return config.formats().stream().map(Format::id).distinct().collect(Collectors.joining(", "));
    }

    /** Where the times of kernels come from, by kind of device, and what stands in for other formats. */
    public static String kernelTimes(SimulationResult r) {
        ModelConfig config = r.simulation().plan().config();
        List<Format> formats = new ArrayList<>(config.formats());
        formats.add(r.simulation().scenario().conditions().kvFormat());
        boolean latent = config.attention().heads().latent().isPresent();
        return r.simulation().plan().devices().stream()
                .map(device -> r.simulation().cluster().kindOf(device).kernelTimes(formats, latent))
                .distinct()
                .collect(Collectors.joining("; "));
    }

    private static Map<String, Object> criticalPath(SimulationResult r) {
        Map<String, Object> shares = new LinkedHashMap<>();
        for (Regime regime : Regime.values()) {
            shares.put(regime.id(), r.criticalPath().getOrDefault(regime, 0.0));
        }
        return shares;
    }

    /** The metrics that people look at, one per row. */
    public static Table metricsTable(SimulationResult r) {
        Table.Builder table = Table.builder()
                .column("metric", "metric", Unit.PLAIN)
                .column("value", "value", Unit.TEXT_RIGHT)
                .column("meaning", "", Unit.PLAIN);
        Unit ms = Unit.MILLISECONDS;
        Unit share = Unit.PERCENT;
        table.row("TPOT", ms.text(r.tpotMs()), "simulated time between a sequence's tokens: p50 %s, p90 %s, p99 %s"
                .formatted(ms.text(r.speed().tpotP50Ms()), ms.text(r.speed().tpotP90Ms()),
                        ms.text(r.speed().tpotP99Ms())));
        if (Double.isFinite(r.range().lowMs())) {
            table.row("range of TPOT", "%s to %s".formatted(Unit.significant(r.range().lowMs()),
                    ms.text(r.range().highMs())),
                    "if all numbers of the cluster's profile are off at once: %s"
                            .formatted(errors(r.simulation().cluster())));
        }
        table.row("bound of the layout", ms.text(r.bounds().layoutMs()),
                "largest, over ranks, of its bytes or operations per step, at peak");
        table.row("bound of the cluster", ms.text(r.bounds().clusterMs()),
                "what any layout must move or compute, on all of these devices at peak");
        table.row("TPS", Unit.NUMBER.text(r.tps()), "output tokens per second over the batch");
        if (Double.isFinite(r.speed().ttftMs())) {
            table.row("TTFT", ms.text(r.speed().ttftMs()),
                    "mean time to a sequence's first token, from the start of the prefill; to the last one's %s"
                            .formatted(ms.text(r.speed().prefillMs())));
        }
        table.row("busy", share.text(r.busy()), "time that ranks compute: with attention %s, with experts %s"
                .formatted(share.text(r.use().busyAttention()), share.text(r.use().busyExpert())));
        table.row("MBU", share.text(r.use().mbu()), "bytes that must move, of what the devices could");
        table.row("MFU", share.text(r.use().mfu()), "operations, of what the devices could");
        table.row("memory efficiency", share.text(r.use().memoryEfficiency()),
                "unique weights and live KV, of what all ranks hold");
        table.row("imbalance", Unit.NUMBER.text(r.use().imbalance()), "rows of the busiest expert rank over the mean");
        if (Double.isFinite(r.speed().pricePerMillionTokens())) {
            table.row("price", Unit.NUMBER.text(r.speed().pricePerMillionTokens()), "of a million output tokens");
        }
        table.row("kernel times", "", kernelTimes(r));
        for (Regime regime : Regime.values()) {
            if (regime == Regime.ENGINE && r.simulation().cluster().profile().engineStepSeconds() == 0) {
                continue;
            }
            table.row("critical path: " + regime.id(),
                    share.text(r.criticalPath().getOrDefault(regime, 0.0)),
                    regime == r.regime() ? "what bounds this plan" : "");
        }
        return table.build();
    }

    /** How far the numbers of a cluster's profile may be off, in words. */
    public static String errors(Cluster cluster) {
        RelativeErrors e = cluster.profile().errors();
        String text =
                "kernels %s, memory bandwidth %s, operations %s, launches %s, links %s, latencies %s, collectives %s"
                        .formatted(Unit.PERCENT.text(e.kernels()), Unit.PERCENT.text(e.bandwidth()),
                                Unit.PERCENT.text(e.flops()), Unit.PERCENT.text(e.launch()),
                                Unit.PERCENT.text(e.linkBandwidth()), Unit.PERCENT.text(e.linkLatency()),
                                Unit.PERCENT.text(e.collectives()));
        return cluster.profile().engineStepSeconds() == 0
                ? text
                : text + ", engine " + Unit.PERCENT.text(e.engine());
    }

    /** One row per rank. */
    public static Table ranks(SimulationResult result) {
        return Table.of(result.ranks(),
                column("rank", "rank", Unit.COUNT, Rank::rank),
                column("role", "role", Unit.PLAIN, r -> r.role().id()),
                column("device", "device", Unit.COUNT, Rank::device),
                column("weight_bytes", "weights", Unit.BYTES, r -> r.memory().weightBytes()),
                column("kv_bytes", "KV cache", Unit.BYTES, r -> r.memory().kvBytes()),
                column("busy", "busy", Unit.PERCENT, Rank::busy),
                column("transfer_busy", "transferring", Unit.PERCENT, Rank::transferBusy),
                column("bytes_moved_per_step", "moved per step", Unit.BYTES, r -> r.work().bytesMoved()),
                column("flops_per_step", "operations per step", Unit.AMOUNT, r -> r.work().flops()),
                column("bytes_sent_per_step", "sent per step", Unit.BYTES, r -> r.work().bytesSent()));
    }

    /** Which devices a plan's ranks are on, in words: ranges, and attention before experts where those are apart. */
    public static String devices(Plan plan) {
        List<Integer> devices = plan.devices();
        int first = plan.layout() instanceof Layout.Separated ma ? ma.attentionDevices() : devices.size();
        String words = ranges(devices.subList(0, first));
        return first == devices.size() ? words : words + " : " + ranges(devices.subList(first, devices.size()));
    }

    private static String ranges(List<Integer> devices) {
        StringBuilder words = new StringBuilder();
        for (int from = 0; from < devices.size();) {
            int to = from;
            while (to + 1 < devices.size() && devices.get(to + 1) == devices.get(to) + 1) {
                to++;
            }
            words.append(words.isEmpty() ? "" : ",").append(devices.get(from));
            if (to > from) {
                words.append('-').append(devices.get(to));
            }
            from = to + 1;
        }
        return words.toString();
    }
}
