package io.maseparation.parallel.cli;

import io.maseparation.files.Json;
import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.Generation;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.cli.results.HeadTime;
import io.maseparation.parallel.cli.results.RunReport;
import io.maseparation.parallel.cli.results.TokenCheck;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Schedule;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.measure.HostPeak;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Metrics;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.timeline.TraceFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;

/** {@code ma compare}: every strategy on the same work, tokens checked, measurements side by side. */
final class CompareCommand implements Command {
    private static final String DEFAULT_MODEL = "small";
    private static final String MAX_TOKENS = "max-tokens";
    private static final String BATCH = "batch";
    private static final String PROMPT_TOKENS = "prompt-tokens";
    private static final String SEED = "seed";
    private static final String DEVICES = "devices";
    private static final String REPETITIONS = "repetitions";
    private static final String CLUSTER = "cluster";
    private static final String DEFAULT_CLUSTER = "a100x8";
    private static final int WARM_UP_TOKENS = 8;
    private static final double GIGA = 1e9;

    /** One strategy: its runs, or why it has none. */
    private static final class Entry {
        final Setup setup;
        final List<RunResult> runs = new ArrayList<>();
        List<TokenCheck.Difference> differences = List.of();
        String refused = "";

        Entry(Setup setup) {
            this.setup = setup;
        }

        boolean ran() {
            return !runs.isEmpty();
        }

        /** The run with the median TPOT. */
        RunResult typical() {
            return runs.stream()
                    .sorted(Comparator.comparingDouble((RunResult r) -> r.metrics().tpotMs()))
                    .toList()
                    .get((runs.size() - 1) / 2);
        }

        boolean equal() {
            return differences.stream().allMatch(TokenCheck.Difference::allowed);
        }

        String label() {
            return setup.layout().title();
        }
    }

    @Override
    public String name() {
        return "compare";
    }

    @Override
    public String summary() {
        return "run every strategy on the same work: tokens checked equal, times and memory side by side";
    }

    @Override
    public List<String> repeatable() {
        return PromptFlags.REPEATABLE;
    }

    @Override
    public Options options() {
        Options options = new Options();
        ModelFlags.add(options, DEFAULT_MODEL);
        PromptFlags.add(options);
        count(options, null, BATCH, "random prompts, where none are given [6]");
        count(options, null, PROMPT_TOKENS, "tokens of each random prompt [16]");
        count(options, "n", MAX_TOKENS, "tokens to generate for each prompt; end-of-sequence is ignored [24]");
        count(options, "s", SEED, "seed of random prompts [0]");
        count(options, null, DEVICES, "ranks of every strategy but single [4]");
        count(options, "r", REPETITIONS, "runs of each strategy, of which the one with the median TPOT is shown [3]");
        options.addOption(Option.builder().longOpt(CLUSTER).hasArg().argName("NAME|FILE")
                .desc("cluster that the same layouts are simulated on [" + DEFAULT_CLUSTER + "]").get());
        StrategyFlags.addBatching(options, "2, for tp-pp with stages and for ma");
        RunFlags.add(options);
        RunFlags.addPrefillChunk(options);
        RunFlags.addDepth(options);
        TraceFlags.add(options);
        OutputFlags.add(options);
        return options;
    }

    private static void count(Options options, String shortName, String name, String description) {
        options.addOption(Option.builder(shortName).longOpt(name).hasArg().argName("N").desc(description).get());
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("compare", "all strategies on preset small, half a minute on two cores"),
                new Example("compare -m tiny --devices 3 -n 8", "three ranks, a model of milliseconds"),
                new Example("compare -m path/to/checkpoint --batch 4 -n 16", "a checkpoint, random prompts"),
                new Example("compare -m tiny --micro-batches 1 -n 8 -r 1 --format md",
                        "without ping-pong, as Markdown"));
    }

    @Override
    public List<String> notes() {
        return List.of(
                "Every strategy is warmed up first; then all take turns, every other round in reverse order.",
                "MBU and MFU are against this machine's read bandwidth and multiply-add rate, measured at the end.",
                "--trace writes the runs that are shown, and records transfers and waits, which costs a little time.",
                "Exit status 1 if tokens differ beyond rounding.");
    }

    @Override
    public void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        int maxTokens = arguments.integer(MAX_TOKENS, 24, 1, Integer.MAX_VALUE);
        int devices = arguments.integer(DEVICES, 4, 2, 256);
        int repetitions = arguments.integer(REPETITIONS, 3, 1, 1000);
        int microBatches = StrategyFlags.microBatches(arguments, 2);
        Schedule schedule = StrategyFlags.schedule(arguments);
        int batch = arguments.integer(BATCH, 6, 1, 1 << 16);
        int promptTokens = arguments.integer(PROMPT_TOKENS, 16, 1, 1 << 24);
        long seed = arguments.seed(SEED);
        int prefillChunk = RunFlags.prefillChunk(arguments);
        int depth = RunFlags.depth(arguments);
        boolean given = PromptFlags.any(arguments);
        if (given) {
            for (String name : List.of(BATCH, PROMPT_TOKENS, SEED)) {
                if (arguments.has(name)) {
                    throw new UsageException(
                            "--%s is for random prompts, and prompts are given".formatted(name));
                }
            }
            PromptFlags.check(arguments, ModelFlags.name(arguments, DEFAULT_MODEL));
        }
        Cluster cluster = Clusters.named(arguments.text(CLUSTER).orElse(DEFAULT_CLUSTER));
        Optional<Path> trace = TraceFlags.file(arguments);
        ExecutionOptions execution = RunFlags.read(arguments).withTransfers(trace.isPresent());
        RunFlags.announce(execution.devices(), terminal);

        try (Model model = ModelFlags.open(arguments, DEFAULT_MODEL, terminal)) {
            List<int[]> prompts = given
                    ? PromptFlags.read(arguments, model)
                    : random(batch, promptTokens, model.config().vocab(), seed);
            List<Entry> entries = Layouts.of(model.config(), devices, microBatches).stream()
                    .map(s -> new Entry(s.withSchedule(schedule)))
                    .toList();
            measure(model, prompts, maxTokens, prefillChunk, depth, repetitions, execution, entries, terminal);
            check(model, execution, entries);
            trace.ifPresent(file -> TraceFile.write(file, entries.stream()
                    .filter(Entry::ran)
                    .map(e -> TraceFlags.measured(e.typical(), e.setup.batching().microBatches(), terminal))
                    .toList()));
            boolean embedded = execution.devices().getFirst().target().embedded();
            HostPeak peak = embedded ? HostPeak.measure() : new HostPeak(Double.NaN, Double.NaN);
            Table table = table(entries, peak);
            List<String> notes = notes(entries, peak, repetitions);
            double context = prompts.stream().mapToInt(p -> p.length).average().orElse(1) + maxTokens / 2.0;
            Table simulated = ClusterTimes.of(
                    model.config(), entries.stream().map(e -> e.setup).toList(), cluster, prompts.size(),
                    (int) Math.min(Math.round(context), model.config().maxPositions()));
            terminal.out().print(format == OutputFormat.JSON
                    ? Json.write(
                            tree(model.config(), prompts, maxTokens, table, simulated, cluster, entries, peak, notes))
                    : text(model.config(), prompts, maxTokens, table, simulated, notes, format));
            if (!entries.stream().allMatch(Entry::equal)) {
                throw new FailedException("tokens differ: " + entries.stream()
                        .filter(e -> !e.equal())
                        .map(e -> e.label() + ", " + firstWrong(e).text())
                        .collect(Collectors.joining("; ")));
            }
        }
    }

    private static TokenCheck.Difference firstWrong(Entry entry) {
        return entry.differences.stream().filter(d -> !d.allowed()).findFirst().orElseThrow();
    }

    private static List<int[]> random(int batch, int tokens, int vocab, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            prompts.add(random.ints(tokens, 0, vocab).toArray());
        }
        return prompts;
    }

    private static void measure(
            Model model, List<int[]> prompts, int maxTokens, int prefillChunk, int depth, int repetitions,
            ExecutionOptions execution, List<Entry> entries, Terminal terminal) {
        int warmUp = Math.min(maxTokens, WARM_UP_TOKENS);
        long steps = (long) entries.size() * prompts.size() * (warmUp + (long) repetitions * maxTokens);
        try (Progress progress = terminal.progress("comparing", steps)) {
            Generation generation = Generation.of(model)
                    .prompts(prompts)
                    .ignoringEos()
                    .prefillChunk(prefillChunk)
                    .depth(depth)
                    .execution(execution.withOnToken(s -> progress.step()));
            for (Entry entry : entries) {
                progress.doing(entry.setup.layout().strategy().id());
                try {
                    generation.layout(entry.setup).maxTokens(warmUp).run();
                } catch (PlanException e) {
                    entry.refused = FlagNames.translate(e.getMessage());
                }
            }
            List<Entry> order = new ArrayList<>(entries);
            for (int round = 0; round < repetitions; round++) {
                for (Entry entry : order) {
                    if (entry.refused.isEmpty()) {
                        progress.doing(entry.setup.layout().strategy().id());
                        try {
                            entry.runs.add(generation.layout(entry.setup).maxTokens(maxTokens).run());
                        } catch (PlanException e) {
                            // The cache of the whole run can be too large where that of the warm-up was not.
                            entry.refused = FlagNames.translate(e.getMessage());
                        }
                    }
                }
                order = order.reversed();
            }
        }
        if (entries.stream().noneMatch(Entry::ran)) {
            throw new FailedException("no strategy can run: " + entries.getFirst().refused);
        }
    }

    /** The run that the others' tokens are compared with. */
    private static Entry reference(List<Entry> entries) {
        return entries.stream().filter(Entry::ran).findFirst().orElseThrow();
    }

    private static void check(Model model, ExecutionOptions execution, List<Entry> entries) {
        TokenCheck check = new TokenCheck(model.weights(), execution.kvType());
        Entry reference = reference(entries);
        for (Entry entry : entries) {
            boolean rounding = entry.setup.layout().splitsSums() != reference.setup.layout().splitsSums();
            List<TokenCheck.Difference> differences = new ArrayList<>();
            for (int i = 0; i < entry.runs.size(); i++) {
                // A layout repeats itself bit for bit, so that the reference need not be asked again.
                boolean repeated =
                        i > 0 && check.compare(entry.runs.getFirst(), entry.runs.get(i), false).isEmpty();
                if (!repeated) {
                    differences.addAll(check.compare(reference.runs.getFirst(), entry.runs.get(i), rounding));
                }
            }
            entry.differences = differences;
        }
    }

    private static Table table(List<Entry> entries, HostPeak peak) {
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
        Entry reference = reference(entries);
        double one = entries.getFirst().ran() && entries.getFirst().setup.layout() instanceof Layout.Single
                ? entries.getFirst().typical().metrics().tpotMs()
                : Double.NaN;
        for (Entry entry : entries) {
            Layout layout = entry.setup.layout();
            List<Object> row = new ArrayList<>(List.of(layout.strategy().id(), layout.name(), layout.ranks(),
                    entry.setup.batching().microBatches()));
            if (entry.ran()) {
                RunResult run = entry.typical();
                Metrics m = run.metrics();
                long held = run.ranks().stream().mapToLong(r -> r.weightBytes() + r.kvBytes()).sum();
                long largest = run.ranks().stream()
                        .mapToLong(r -> r.weightBytes() + r.kvBytes() + r.activationBytes())
                        .max()
                        .orElse(0);
                row.addAll(List.of(
                        verdict(entry, reference),
                        entry.equal(),
                        m.tpotMs(),
                        m.tpotP50Ms(),
                        m.tpotP90Ms(),
                        m.tpotP99Ms(),
                        HeadTime.tpotWithoutMs(run),
                        m.tps(),
                        m.ttftMs(),
                        m.wallMs(),
                        m.busyAttention(),
                        m.busyExpert(),
                        one / (layout.ranks() * m.tpotMs()),
                        run.ranks().stream().mapToLong(RunResult.RankReport::bytesSent).sum(),
                        largest,
                        held,
                        Math.round(m.memoryEfficiency() * held),
                        m.memoryEfficiency(),
                        m.achievedBytesPerSecond() / peak.bytesPerSecond(),
                        m.achievedFlopsPerSecond() / peak.flopsPerSecond(),
                        m.imbalance()));
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

    private static String verdict(Entry entry, Entry reference) {
        if (entry == reference) {
            return entry.differences.isEmpty() ? "reference" : "not repeatable";
        }
        if (entry.differences.isEmpty()) {
            return "equal";
        }
        return entry.equal() ? "equal but near ties" : "DIFFERENT";
    }

    private static List<String> notes(List<Entry> entries, HostPeak peak, int repetitions) {
        List<String> notes = new ArrayList<>();
        for (Entry entry : entries) {
            if (!entry.refused.isEmpty()) {
                notes.add(entry.label() + " cannot run: " + entry.refused);
            }
            for (TokenCheck.Difference difference : entry.differences) {
                notes.add(entry.label() + ": " + difference.text());
            }
        }
        RunResult any = reference(entries).typical();
        notes.addAll(RunReport.caveats(any.backend(), entries.getLast().setup.layout().ranks()));
        if (Double.isFinite(peak.bytesPerSecond())) {
            notes.add("MBU and MFU are of %s GB/s and %s GFLOP/s, measured on all cores of this machine."
                    .formatted(
                            Unit.significant(peak.bytesPerSecond() / GIGA),
                            Unit.significant(peak.flopsPerSecond() / GIGA)));
        }
        notes.add(
                "Strong scaling is T(1) / (N T(N)) of TPOT. Shown is the run with the median TPOT of %d, after a warm-up."
                        .formatted(repetitions));
        return notes;
    }

    private static Map<String, Object> tree(
            ModelConfig config, List<int[]> prompts, int maxTokens, Table table, Table simulated, Cluster cluster,
            List<Entry> entries, HostPeak peak, List<String> notes) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("model", config.name());
        tree.put("backend", reference(entries).typical().backend());
        tree.put("source", "measured");
        tree.put("batch", prompts.size());
        tree.put("prompt_tokens", prompts.stream().map(p -> p.length).toList());
        tree.put("max_tokens", maxTokens);
        tree.put("tokens_equal", entries.stream().allMatch(Entry::equal));
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
        tree.put("token_ids", reference(entries).typical().outputs().stream()
                .map(RunResult.SequenceOutput::tokenIds)
                .toList());
        tree.put("notes", notes);
        return tree;
    }

    private static String text(
            ModelConfig config, List<int[]> prompts, int maxTokens, Table table, Table simulated,
            List<String> notes, OutputFormat format) {
        if (format == OutputFormat.CSV) {
            return TableWriter.write(table, format);
        }
        int longest = prompts.stream().mapToInt(p -> p.length).max().orElse(0);
        StringBuilder text = new StringBuilder();
        text.append("%s, %d prompts of %s%d tokens, %d generated for each, measured\n\n".formatted(
                ModelFlags.description(config),
                prompts.size(),
                prompts.stream().anyMatch(p -> p.length != longest) ? "up to " : "",
                longest,
                maxTokens));
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
