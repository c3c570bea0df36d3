package io.maseparation.parallel.cli.results;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.compare.Comparison;
import io.maseparation.parallel.compare.TokenCheck;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.measure.HostPeak;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.run.HeadTime;
import io.maseparation.parallel.run.Metrics;
import io.maseparation.parallel.run.RunResult;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/** A comparison of layouts as tables, notes and JSON. */
public final class ComparisonReport {
    private static final double GIGA = 1e9;

    private final ModelConfig config;
    private final Comparison comparison;
    private final HostPeak peak;
    private final Table table;
    private final List<String> notes;

    /**
     * @param peak what this machine can do at most; NaN where it is not what computes
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
        Table.Builder table = Table.builder()
                .column("strategy", "strategy", Unit.PLAIN)
                .column("layout", "layout", Unit.PLAIN)
                .column("ranks", "ranks", Unit.COUNT)
                .column("micro_batches", "micro-batches", Unit.COUNT)
                .column("tokens", "tokens", Unit.PLAIN)
                .column("tokens_equal", "tokens equal", Unit.PLAIN)
                .column("tpot_ms", "TPOT", Unit.MILLISECONDS)
                .column("tpot_p50_ms", "p50", Unit.MILLISECONDS)
                .column("tpot_p90_ms", "p90", Unit.MILLISECONDS)
                .column("tpot_p99_ms", "p99", Unit.MILLISECONDS)
                .column("tpot_without_lm_head_ms", "TPOT without LM head", Unit.MILLISECONDS)
                .column("tps", "TPS", Unit.NUMBER)
                .column("ttft_ms", "TTFT", Unit.MILLISECONDS)
                .column("wall_ms", "wall", Unit.MILLISECONDS)
                .column("busy_attention", "busy attention", Unit.PERCENT)
                .column("busy_expert", "busy experts", Unit.PERCENT)
                .column("strong_scaling_efficiency", "strong scaling", Unit.PERCENT)
                .column("bytes_sent", "sent", Unit.BYTES)
                .column("rank_bytes_max", "largest rank", Unit.BYTES)
                .column("held_bytes", "weights + KV", Unit.BYTES)
                .column("unique_bytes", "of these unique", Unit.BYTES)
                .column("memory_efficiency", "memory efficiency", Unit.PERCENT)
                .column("mbu", "MBU", Unit.PERCENT)
                .column("mfu", "MFU", Unit.PERCENT)
                .column("imbalance", "imbalance", Unit.NUMBER);
        double one = comparison.singleTpotMs();
        for (Comparison.Entry entry : comparison.entries()) {
            Setup setup = entry.setup();
            List<Object> row = new ArrayList<>(List.of(setup.layout().strategy().id(), setup.layout().name(),
                    setup.layout().ranks(), setup.batching().microBatches()));
            if (entry.ran()) {
                RunResult run = entry.typical();
                Metrics m = run.metrics();
                long held = run.ranks().stream().mapToLong(r -> r.memory().weightBytes() + r.memory().kvBytes()).sum();
                long largest = run.ranks().stream()
                        .mapToLong(r -> r.memory().bytes())
                        .max()
                        .orElse(0);
                row.addAll(List.of(
                        verdict(entry),
                        entry.equal(),
                        m.tpotMs(),
                        m.latency().tpotP50Ms(),
                        m.latency().tpotP90Ms(),
                        m.latency().tpotP99Ms(),
                        HeadTime.tpotWithoutMs(run),
                        m.tps(),
                        m.latency().ttftMs(),
                        m.wallMs(),
                        m.utilisation().busyAttention(),
                        m.utilisation().busyExpert(),
                        one / (setup.layout().ranks() * m.tpotMs()),
                        run.ranks().stream().mapToLong(RunResult.RankReport::bytesSent).sum(),
                        largest,
                        held,
                        Math.round(m.utilisation().memoryEfficiency() * held),
                        m.utilisation().memoryEfficiency(),
                        m.work().bytesPerSecond() / peak.bytesPerSecond(),
                        m.work().flopsPerSecond() / peak.flopsPerSecond(),
                        m.utilisation().imbalance()));
            } else {
                row.add("refused");
                while (row.size() < table.width()) {
                    row.add(null);
                }
            }
            table.row(row.toArray());
        }
        return table.build();
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
        return entry.setup().layout().title();
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
        return tree;
    }

    /** For people, or one table of everything as CSV. */
    public String text(String model, Table simulated, OutputFormat format) {
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
                table.select("strategy", "layout", "tokens", "tpot_ms", "tpot_p50_ms", "tpot_p90_ms", "tpot_p99_ms",
                        "tps", "ttft_ms"),
                format));
        text.append('\n');
        text.append(TableWriter.write(
                table.select("strategy", "layout", "tpot_without_lm_head_ms", "busy_attention", "busy_expert",
                        "strong_scaling_efficiency", "mbu", "mfu", "imbalance"),
                format));
        text.append('\n');
        text.append(TableWriter.write(
                table.select("strategy", "layout", "micro_batches", "bytes_sent", "rank_bytes_max", "held_bytes",
                        "unique_bytes", "memory_efficiency"),
                format));
        text.append("\nThe same layouts, simulated with 16-bit activations and KV cache:\n\n");
        text.append(TableWriter.write(simulated, format));
        for (String note : notes) {
            text.append('\n').append(note).append('\n');
        }
        return text.toString();
    }
}
