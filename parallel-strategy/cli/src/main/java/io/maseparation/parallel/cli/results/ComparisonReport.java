package io.maseparation.parallel.cli.results;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.compare.Comparison;
import io.maseparation.parallel.compare.TokenCheck;
import io.maseparation.parallel.layout.Strategy;
import io.maseparation.parallel.measure.HostPeak;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.run.HeadTime;
import io.maseparation.parallel.run.Metrics;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.RunResult.RankReport;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A comparison of layouts as tables, notes and JSON. */
public final class ComparisonReport {
    private static final double GIGA = 1e9;

    private final ModelConfig config;
    private final Comparison comparison;
    private final HostPeak peak;
    private final Table table;
    private final List<String> notes;

    /**
     * @param peak what this machine can do at most; NaN where something else computes
     * @param repetitions runs of each layout
     * @param wording turns the library's messages into the reader's words
     */
    public ComparisonReport(
            ModelConfig config, Comparison comparison, HostPeak peak, int repetitions, UnaryOperator<String> wording) {
        this.config = config;
        this.comparison = comparison;
        this.peak = peak;
        table = table();
        notes = notes(repetitions, wording);
    }

    private Table table() {
        double one = comparison.singleTpotMs();
        return Table.of(comparison.entries(),
                column("strategy", "strategy", Unit.PLAIN, e -> e.setup().layout().strategy().id()),
                column("layout", "layout", Unit.PLAIN, e -> e.setup().layout().name()),
                column("ranks", "ranks", Unit.COUNT, e -> e.setup().layout().ranks()),
                column("micro_batches", "micro-batches", Unit.COUNT, e -> e.setup().batching().microBatches()),
                column("tokens", "tokens", Unit.PLAIN, e -> e.ran() ? verdict(e) : "refused"),
                column("tokens_equal", "tokens equal", Unit.PLAIN, e -> e.ran() ? e.equal() : null),
                metric("tpot_ms", "TPOT", Unit.MILLISECONDS, Metrics::tpotMs),
                metric("tpot_p50_ms", "p50", Unit.MILLISECONDS, m -> m.latency().tpotP50Ms()),
                metric("tpot_p90_ms", "p90", Unit.MILLISECONDS, m -> m.latency().tpotP90Ms()),
                metric("tpot_p99_ms", "p99", Unit.MILLISECONDS, m -> m.latency().tpotP99Ms()),
                ofRun("tpot_without_lm_head_ms", "TPOT without LM head", Unit.MILLISECONDS, HeadTime::tpotWithoutMs),
                metric("tps", "TPS", Unit.NUMBER, Metrics::tps),
                metric("ttft_ms", "TTFT", Unit.MILLISECONDS, m -> m.latency().ttftMs()),
                metric("wall_ms", "wall", Unit.MILLISECONDS, Metrics::wallMs),
                metric("busy_attention", "busy attention", Unit.PERCENT, m -> m.utilisation().busyAttention()),
                metric("busy_expert", "busy experts", Unit.PERCENT, m -> m.utilisation().busyExpert()),
                ofRun("strong_scaling_efficiency", "strong scaling", Unit.PERCENT,
                        run -> one / (run.ranks().size() * run.metrics().tpotMs())),
                ofRun("bytes_sent", "sent", Unit.BYTES, run -> sum(run, RankReport::bytesSent)),
                ofRun("rank_bytes_max", "largest rank", Unit.BYTES,
                        run -> run.ranks().stream().mapToLong(r -> r.memory().bytes()).max().orElse(0)),
                ofRun("held_bytes", "weights + KV", Unit.BYTES, ComparisonReport::held),
                ofRun("unique_bytes", "of these unique", Unit.BYTES,
                        run -> Math.round(run.metrics().utilisation().memoryEfficiency() * held(run))),
                metric("memory_efficiency", "memory efficiency", Unit.PERCENT, m -> m.utilisation().memoryEfficiency()),
                metric("mbu", "MBU", Unit.PERCENT, m -> m.work().bytesPerSecond() / peak.bytesPerSecond()),
                metric("mfu", "MFU", Unit.PERCENT, m -> m.work().flopsPerSecond() / peak.flopsPerSecond()),
                metric("imbalance", "imbalance", Unit.NUMBER, m -> m.utilisation().imbalance()));
    }

    /** A column without a value for layouts that did not run. */
    private static Table.Filled<Comparison.Entry> ofRun(
            String key, String heading, Unit unit, Function<RunResult, Object> value) {
        return column(key, heading, unit, entry -> entry.ran() ? value.apply(entry.typical()) : null);
    }

    private static Table.Filled<Comparison.Entry> metric(
            String key, String heading, Unit unit, Function<Metrics, Object> value) {
        return ofRun(key, heading, unit, run -> value.apply(run.metrics()));
    }

    private static long sum(RunResult run, ToLongFunction<RankReport> bytes) {
        return run.ranks().stream().mapToLong(bytes).sum();
    }

    private static long held(RunResult run) {
        return sum(run, r -> r.memory().weightBytes() + r.memory().kvBytes());
    }

    private String verdict(Comparison.Entry entry) {
        if (entry.equals(comparison.reference())) {
            return entry.differences().isEmpty() ? "reference" : "not repeatable";
        }
        if (entry.differences().isEmpty()) {
            return "equal";
        }
        return entry.equal() ? "equal but near ties" : "DIFFERENT";
    }

    private List<String> notes(int repetitions, UnaryOperator<String> wording) {
        List<String> lines = new ArrayList<>();
        for (Comparison.Entry entry : comparison.entries()) {
            entry.refusal().ifPresent(why -> lines.add(label(entry) + " cannot run: " + wording.apply(why)));
            entry.differences().forEach(difference -> lines.add(label(entry) + ": " + text(difference)));
        }
        RunResult any = comparison.reference().typical();
        lines.addAll(RunReport.caveats(any.backend(), comparison.entries().getLast().setup().layout().ranks()));
        if (Double.isFinite(peak.bytesPerSecond())) {
            lines.add("MBU and MFU are of %s GB/s and %s GFLOP/s, measured on all cores of this machine."
                    .formatted(
                            Unit.significant(peak.bytesPerSecond() / GIGA),
                            Unit.significant(peak.flopsPerSecond() / GIGA)));
            if (comparison.entries().stream().filter(Comparison.Entry::ran).anyMatch(this::beyondPeak)) {
                lines.add("A share above 100 % means that the peak was measured too low, as on a machine that is busy:"
                        + " compare again when it is idle.");
            }
        }
        lines.add(
                "Strong scaling is T(1) / (N T(N)) of TPOT. Shown is the run with the median TPOT of %d, after a warm-up."
                        .formatted(repetitions));
        return lines;
    }

    private boolean beyondPeak(Comparison.Entry entry) {
        Metrics.Work work = entry.typical().metrics().work();
        return work.bytesPerSecond() > peak.bytesPerSecond() || work.flopsPerSecond() > peak.flopsPerSecond();
    }

    private static String label(Comparison.Entry entry) {
        return entry.setup().layout().name();
    }

    /** What is wrong where tokens differ beyond rounding: the layouts, and the first such token of each. */
    public String wrongTokens() {
        return comparison.entries().stream()
                .filter(entry -> !entry.equal())
                .map(entry -> label(entry) + ", "
                        + text(entry.differences().stream().filter(d -> !d.allowed()).findFirst().orElseThrow()))
                .collect(Collectors.joining("; "));
    }

    /** A difference in one line. */
    public static String text(TokenCheck.Difference d) {
        return "sequence %d, output token %d: %d instead of %d%s".formatted(
                d.sequence(),
                d.position(),
                d.actual(),
                d.expected(),
                Double.isNaN(d.gap())
                        ? ""
                        : " (%s: the reference's smallest gap is %s)"
                                .formatted(d.allowed() ? "a near tie" : "no near tie", Unit.significant(d.gap())));
    }

    /**
     * Everything, under its names in JSON.
     *
     * @param simulated the same layouts, simulated
     * @param cluster what they were simulated on
     */
    public Map<String, Object> tree(Table simulated, Cluster cluster) {
        List<int[]> prompts = comparison.workload().prompts();
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("model", config.name());
        tree.put("backend", comparison.reference().typical().backend());
        tree.put("source", "measured");
        tree.put("batch", prompts.size());
        tree.put("prompt_tokens", prompts.stream().map(p -> p.length).toList());
        tree.put("max_tokens", comparison.workload().maxTokens());
        tree.put("tokens_equal", comparison.equal());
        Map<String, Object> peaks = new LinkedHashMap<>();
        peaks.put("bytes_per_second", peak.bytesPerSecond());
        peaks.put("flops_per_second", peak.flopsPerSecond());
        peaks.put("source", "measured");
        tree.put("peak", peaks);
        tree.put("strategies", table.objects());
        Map<String, Object> times = new LinkedHashMap<>();
        times.put("cluster", cluster.name());
        times.put("source", "simulated");
        times.put("strategies", simulated.objects());
        tree.put("simulated", times);
        tree.put("token_ids", comparison.reference().typical().outputs().stream()
                .map(RunResult.SequenceOutput::tokenIds)
                .toList());
        tree.put("notes", notes);
        tree.put("verdict", verdict(simulated, cluster));
        return tree;
    }

    /** What it comes to, in one line. */
    private String verdict(Table simulated, Cluster cluster) {
        return "Verdict: %s; %s; %s.".formatted(
                comparison.equal() ? "tokens are equal on all layouts that ran" : "TOKENS DIFFER",
                fastest("here", table), fastest("simulated on " + cluster.name(), simulated));
    }

    private record Timed(String strategy, String layout, double ms) {}

    /** The fastest layout of a table, and how much longer the fastest with separation takes. */
    private static String fastest(String where, Table times) {
        List<Timed> rows = times.objects().stream()
                .flatMap(row -> row.get("tpot_ms") instanceof Double ms && Double.isFinite(ms)
                        ? Stream.of(new Timed(
                                String.valueOf(row.get("strategy")), String.valueOf(row.get("layout")), ms))
                        : Stream.empty())
                .sorted(Comparator.comparingDouble(Timed::ms))
                .toList();
        if (rows.isEmpty()) {
            return where + " none ran";
        }
        Timed first = rows.getFirst();
        String text = "%s %s is fastest (%s)".formatted(where, first.layout, Unit.MILLISECONDS.text(first.ms));
        String separated = Strategy.MA.id();
        return rows.stream()
                .filter(row -> row.strategy.equals(separated) && !first.strategy.equals(separated))
                .findFirst()
                .map(row -> text + ", %s takes %s longer"
                        .formatted(row.layout, Unit.PERCENT.text(row.ms / first.ms - 1)))
                .orElse(text);
    }

    /** For people, or one table of everything as CSV. */
    public String text(String model, Table simulated, Cluster cluster, OutputFormat format) {
        if (format == OutputFormat.CSV) {
            return TableWriter.write(table, format);
        }
        List<int[]> prompts = comparison.workload().prompts();
        int longest = prompts.stream().mapToInt(p -> p.length).max().orElse(0);
        StringBuilder text = new StringBuilder();
        text.append("%s, %d prompts of %s%d tokens, %d generated for each, measured\n\n".formatted(
                model,
                prompts.size(),
                prompts.stream().anyMatch(p -> p.length != longest) ? "up to " : "",
                longest,
                comparison.workload().maxTokens()));
        text.append(TableWriter.write(
                table.select("layout", "tokens", "tpot_ms", "tpot_p50_ms", "tpot_p90_ms", "tpot_p99_ms",
                        "tps", "ttft_ms"),
                format));
        text.append('\n');
        text.append(TableWriter.write(
                table.select("layout", "tpot_without_lm_head_ms", "busy_attention", "busy_expert",
                        "strong_scaling_efficiency", "mbu", "mfu", "imbalance"),
                format));
        text.append('\n');
        text.append(TableWriter.write(
                table.select("layout", "micro_batches", "bytes_sent", "rank_bytes_max", "held_bytes",
                        "unique_bytes", "memory_efficiency"),
                format));
        text.append(
                "\nThe same layouts, simulated with 16-bit activations and KV cache, at the batch and context of this run,"
                        + "\nwith graph launches and custom collectives (plan and reproduce have their own):\n\n");
        text.append(TableWriter.write(simulated.without("strategy"), format));
        for (String note : notes) {
            text.append('\n').append(note).append('\n');
        }
        text.append('\n').append(verdict(simulated, cluster)).append('\n');
        return text.toString();
    }
}
