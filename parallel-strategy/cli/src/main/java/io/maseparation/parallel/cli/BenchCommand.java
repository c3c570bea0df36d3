package io.maseparation.parallel.cli;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.compare.SpeedTest;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;

/** {@code ma bench}: prompt and generation speed, in llama-bench's terms. */
final class BenchCommand implements Command {
    private static final String DEFAULT_MODEL = "small";
    private static final String N_PROMPT = "n-prompt";
    private static final String N_GEN = "n-gen";
    private static final String BATCH_SIZE = "batch-size";
    private static final String SEQUENCES = "sequences";
    private static final String N_DEPTH = "n-depth";
    private static final String REPETITIONS = "repetitions";
    private static final String OUTPUT = "output";
    private static final int MOST = 1 << 24;

    @Override
    public String name() {
        return "bench";
    }

    @Override
    public String summary() {
        return "measure prompt processing and generation as llama-bench does";
    }

    @Override
    public Options options() {
        Options options = new Options();
        ModelFlags.add(options, DEFAULT_MODEL);
        list(options, "p", N_PROMPT, "prompt tokens of a pp test; 0 for none [512]");
        list(options, "n", N_GEN, "generated tokens of a tg test; 0 for none [128]");
        list(options, "b", BATCH_SIZE,
                "most prompt tokens a rank takes in at once [" + Workload.DEFAULT_PREFILL_CHUNK + "]");
        list(options, "d", N_DEPTH, "positions of random keys and values before each prompt [0]");
        list(options, null, SEQUENCES, "sequences at once [1]");
        options.addOption(Option.builder("r").longOpt(REPETITIONS).hasArg().argName("N")
                .desc("runs of each test, after one that warms up [5]").get());
        options.addOption(Option.builder("o").longOpt(OUTPUT).hasArg().argName("NAME")
                .desc("md, csv, json or table [md]").get());
        StrategyFlags.add(options);
        RunFlags.add(options);
        OutputFlags.addCommon(options);
        return options;
    }

    private static void list(Options options, String shortName, String name, String description) {
        options.addOption(
                Option.builder(shortName).longOpt(name).hasArg().argName("N,N,...").desc(description).get());
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("bench -m tiny -p 64 -n 32", "pp64 and tg32 of a preset"),
                new Example("bench -m path/to/checkpoint", "pp512 and tg128 of a checkpoint, five times each"),
                new Example(
                        "bench -m tiny -p 0 -n 16 --sequences 1,8 -r 3 -o csv --strategy ma --attention-devices 3",
                        "generation for one and eight sequences under MA Separation 3:1"));
    }

    @Override
    public List<String> notes() {
        return List.of(
                "pp: prompt tokens a second up to the first output token. tg: output tokens a second, from a prompt of"
                        + " one token. Both over all sequences: mean and standard deviation. Prompts are random; end-of-sequence is"
                        + " ignored.");
    }

    @Override
    public void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = arguments.choice(
                OUTPUT, OutputFormat.MD, List.of(OutputFormat.values()), OutputFormat::id);
        List<Integer> prompts = arguments.integers(N_PROMPT, "512", 0, MOST);
        List<Integer> generates = arguments.integers(N_GEN, "128", 0, MOST);
        List<Integer> batchSizes =
                arguments.integers(BATCH_SIZE, String.valueOf(Workload.DEFAULT_PREFILL_CHUNK), 1, MOST);
        List<Integer> sequences = arguments.integers(SEQUENCES, "1", 1, 1 << 16);
        List<Integer> depths = arguments.integers(N_DEPTH, "0", 0, MOST);
        int repetitions = arguments.integer(REPETITIONS, 5, 1, 1_000_000);
        Setup setup = StrategyFlags.read(arguments);
        ExecutionOptions execution = RunFlags.read(arguments);
        RunFlags.announce(execution.devices(), terminal);
        List<SpeedTest> tests = new ArrayList<>();
        for (int batchSize : batchSizes) {
            for (int count : sequences) {
                for (int depth : depths) {
                    prompts.stream().filter(n -> n > 0)
                            .forEach(n -> tests.add(new SpeedTest(n, 0, batchSize, count, depth)));
                    generates.stream().filter(n -> n > 0)
                            .forEach(n -> tests.add(new SpeedTest(0, n, batchSize, count, depth)));
                }
            }
        }
        if (tests.isEmpty()) {
            throw new UsageException("nothing to measure: --n-prompt and --n-gen are both 0");
        }
        try (Model model = ModelFlags.open(arguments, DEFAULT_MODEL, terminal)) {
            ModelConfig config = model.config();
            for (SpeedTest test : tests) {
                if (test.context() > config.maxPositions()) {
                    throw new UsageException("%s needs a context of %d, %s has %d: lower --%s".formatted(
                            test.label(),
                            test.context(),
                            config.name(),
                            config.maxPositions(),
                            test.prompt() > 0 ? N_PROMPT : N_GEN));
                }
            }
            List<SpeedTest.Samples> nanos = measure(model, setup, execution, tests, repetitions, terminal);
            Table table = table(config, setup, execution, tests, nanos);
            terminal.out().print(TableWriter.write(
                    format == OutputFormat.MD || format == OutputFormat.TABLE
                            ? table.select("model", "model_size", "model_n_params", "backend", "strategy", "layout",
                                    "n_batch", "test", "t/s")
                            : without(table, "t/s"),
                    format));
        }
    }

    private static List<SpeedTest.Samples> measure(
            Model model, Setup setup, ExecutionOptions execution, List<SpeedTest> tests, int repetitions,
            Terminal terminal) {
        List<SpeedTest.Samples> nanos = new ArrayList<>();
        try (Progress progress = terminal.progress("measuring", (long) tests.size() * (repetitions + 1))) {
            for (SpeedTest test : tests) {
                progress.doing(test.label());
                nanos.add(test.nanos(model, setup, execution, repetitions, progress::step));
            }
        }
        return nanos;
    }

    private static Table table(
            ModelConfig config, Setup setup, ExecutionOptions execution, List<SpeedTest> tests,
            List<SpeedTest.Samples> nanos) {
        ModelSize size = ModelSize.of(config);
        Table.Builder table = Table.builder()
                .column("model", "model", Unit.PLAIN)
                .column("model_size", "size", Unit.BYTES)
                .column("model_n_params", "params", Unit.AMOUNT)
                .column("backend", "backend", Unit.PLAIN)
                .column("strategy", "strategy", Unit.PLAIN)
                .column("layout", "layout", Unit.PLAIN)
                .column("micro_batches", "micro-batches", Unit.COUNT)
                .column("n_ranks", "ranks", Unit.COUNT)
                .column("n_batch", "n_batch", Unit.COUNT)
                .column("n_sequences", "sequences", Unit.COUNT)
                .column("n_prompt", "n_prompt", Unit.COUNT)
                .column("n_gen", "n_gen", Unit.COUNT)
                .column("n_depth", "n_depth", Unit.COUNT)
                .column("test", "test", Unit.TEXT_RIGHT)
                .column("t/s", "t/s", Unit.TEXT_RIGHT)
                .column("avg_ns", "avg_ns", Unit.COUNT)
                .column("stddev_ns", "stddev_ns", Unit.COUNT)
                .column("avg_ts", "avg_ts", Unit.NUMBER)
                .column("stddev_ts", "stddev_ts", Unit.NUMBER)
                .column("samples_ns", "samples_ns", Unit.PLAIN)
                .column("samples_ts", "samples_ts", Unit.PLAIN);
        for (int i = 0; i < tests.size(); i++) {
            SpeedTest test = tests.get(i);
            SpeedTest.Samples samples = nanos.get(i);
            SpeedTest.Samples rates = test.rates(samples);
            table.row(
                    config.name(),
                    size.weightBytes(),
                    size.parameters(),
                    execution.devices().getFirst().backend(),
                    setup.layout().strategy().id(),
                    setup.layout().name(),
                    setup.batching().microBatches(),
                    setup.layout().ranks(),
                    test.prefillChunk(),
                    test.sequences(),
                    test.prompt(),
                    test.generate(),
                    test.depth(),
                    test.label(),
                    String.format(Locale.ROOT, "%.2f ± %.2f", rates.mean(), rates.deviation()),
                    Math.round(samples.mean()),
                    Math.round(samples.deviation()),
                    rates.mean(),
                    rates.deviation(),
                    Arrays.stream(samples.values()).mapToObj(Math::round).toList(),
                    Arrays.stream(rates.values()).boxed().toList());
        }
        return table.build();
    }

    private static Table without(Table table, String key) {
        return table.select(table.columns().stream()
                .map(Table.Column::key)
                .filter(k -> !k.equals(key))
                .toArray(String[]::new));
    }
}
