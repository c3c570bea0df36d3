package io.maseparation.parallel.cli;

import io.maseparation.files.Json;
import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.cli.results.ComparisonReport;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.compare.ComparedLayouts;
import io.maseparation.parallel.compare.Comparison;
import io.maseparation.parallel.compare.RandomPrompts;
import io.maseparation.parallel.layout.Schedule;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.measure.HostPeak;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Workload;
import io.maseparation.parallel.timeline.TraceFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;

/** {@code ma compare}: every strategy on the same work, tokens checked, measurements side by side. */
final class CompareCommand extends Command {
    private static final Optional<String> DEFAULT_MODEL = Optional.of("small");
    private static final String MAX_TOKENS = "max-tokens";
    private static final String BATCH = "batch";
    private static final String PROMPT_TOKENS = "prompt-tokens";
    private static final String SEED = "seed";
    private static final String DEVICES = "devices";
    private static final String REPETITIONS = "repetitions";
    private static final String CLUSTER = "cluster";
    private static final String DEFAULT_CLUSTER = "a100x8";

    CompareCommand() {
        super("compare", "run every strategy on the same work: tokens checked equal, times and memory side by side");
        example("compare", "all strategies on preset small, half a minute on two cores");
        example("compare -m tiny --devices 3 -n 8", "three ranks, a model of milliseconds");
        example("compare -m path/to/checkpoint --batch 4 -n 16", "a checkpoint, random prompts");
        example("compare -m tiny --micro-batches 1 -n 8 -r 1 --format md",
                "without ping-pong, as Markdown");
        note("Every strategy is warmed up first; then all take turns, every other round in reverse order.");
        note("MBU and MFU are against this machine's read bandwidth and multiply-add rate, measured at the end.");
        note("--trace writes the runs that are shown, and records transfers and waits, which costs a little time.");
        note("Exit status 1 if tokens differ beyond rounding.");
    }

    @Override
    void addOptions(OptionList options) {
        ModelFlags.add(options, DEFAULT_MODEL);
        PromptFlags.add(options);
        options.value(BATCH, "N", "random prompts, where none are given [6]");
        options.value(PROMPT_TOKENS, "N", "tokens of each random prompt [16]");
        options.value("n", MAX_TOKENS, "N", "tokens to generate for each prompt; end-of-sequence is ignored [24]");
        options.value("s", SEED, "N", "seed of random prompts [0]");
        options.value(DEVICES, "N", "ranks of every strategy but single [4]");
        options.value("r", REPETITIONS, "N",
                "runs of each strategy, of which the one with the median TPOT is shown [3]");
        options.value(CLUSTER, "NAME|FILE", "cluster that the same layouts are simulated on: " + Clusters.described()
                + ", or a file [" + DEFAULT_CLUSTER + "]");
        StrategyFlags.addBatching(options, "2, for tp-pp with stages and for ma");
        StrategyFlags.addDispatch(options);
        StrategyFlags.addNodes(options);
        RunFlags.add(options);
        RunFlags.addPrefillChunk(options);
        RunFlags.addDepth(options);
        TraceFlags.add(options);
        OutputFlags.add(options);
    }

    @Override
    void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        int maxTokens = arguments.integer(MAX_TOKENS, 24, 1, Integer.MAX_VALUE);
        int devices = arguments.integer(DEVICES, 4, 2, 256);
        int repetitions = arguments.integer(REPETITIONS, 3, 1, 1000);
        int microBatches = StrategyFlags.microBatches(arguments, 2);
        Schedule schedule = StrategyFlags.schedule(arguments);
        IntUnaryOperator nodeOf = StrategyFlags.nodes(arguments);
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
        Cluster cluster = arguments.named(CLUSTER, DEFAULT_CLUSTER, Clusters::named);
        Optional<Path> trace = TraceFlags.file(arguments);
        ExecutionOptions execution = RunFlags.read(arguments).withTransfers(trace.isPresent());
        RunFlags.announce(arguments, execution.devices(), terminal);

        try (Model model = ModelFlags.open(arguments, DEFAULT_MODEL, terminal)) {
            ModelConfig config = model.config();
            Workload workload = Workload.greedy(
                    given
                            ? PromptFlags.read(arguments, model)
                            : RandomPrompts.of(batch, promptTokens, config.vocab(), seed),
                    maxTokens)
                    .withPrefillChunk(prefillChunk)
                    .withDepth(depth);
            List<Setup> layouts = ComparedLayouts.of(config, devices, microBatches).stream()
                    .map(setup -> setup.withSchedule(schedule))
                    .map(setup -> setup.layout().expertGroups() == 0
                            ? setup
                            : setup.withLayout(StrategyFlags.dispatched(arguments, setup.layout(), nodeOf)))
                    .toList();
            Comparison comparison = compare(model, workload, layouts, execution, repetitions, terminal);
            boolean embedded = execution.devices().getFirst().target().embedded();
            HostPeak peak = embedded ? HostPeak.measure() : new HostPeak(Double.NaN, Double.NaN);
            ComparisonReport report = new ComparisonReport(config, comparison, peak, repetitions, FlagNames::translate);
            List<int[]> prompts = workload.prompts();
            double context = workload.depth() + prompts.stream().mapToInt(p -> p.length).average().orElse(1)
                    + maxTokens / 2.0;
            Table simulated = ClusterTimes.of(
                    config, layouts, cluster, prompts.size(),
                    (int) Math.min(Math.round(context), config.maxPositions()));
            OutputFlags.both(
                    () -> trace.ifPresent(file -> TraceFile.write(file, comparison.entries().stream()
                            .filter(Comparison.Entry::ran)
                            .map(e -> TraceFlags.measured(e.typical(), e.setup().batching(), terminal))
                            .toList())),
                    () -> terminal.results(format == OutputFormat.JSON
                            ? Json.write(report.tree(simulated, cluster))
                            : report.text(ModelFlags.description(config), simulated, cluster, format), format));
            if (!comparison.equal()) {
                throw new FailedException("tokens differ: " + report.wrongTokens());
            }
        }
    }

    private static Comparison compare(
            Model model, Workload workload, List<Setup> layouts, ExecutionOptions execution,
            int repetitions, Terminal terminal) {
        try (Progress progress = terminal.progress(
                "comparing", Comparison.tokens(workload, layouts.size(), repetitions))) {
            return Comparison.run(
                    model, workload, layouts, execution.withOnToken(s -> progress.step()), repetitions,
                    setup -> progress.doing(setup.layout().strategy().id()));
        }
    }
}
