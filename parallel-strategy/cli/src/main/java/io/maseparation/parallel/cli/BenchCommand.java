package io.maseparation.parallel.cli;

import static io.maseparation.parallel.present.Table.column;

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
import java.util.Optional;

/** {@code ma bench}: prompt and generation speed, in llama-bench's terms. */
final class BenchCommand extends Command {
    private static final Optional<String> DEFAULT_MODEL = Optional.of("small");
    private static final String N_PROMPT = "n-prompt";
    private static final String N_GEN = "n-gen";
    private static final String BATCH_SIZE = "batch-size";
    private static final String SEQUENCES = "sequences";
    private static final String N_DEPTH = "n-depth";
    private static final String REPETITIONS = "repetitions";
    private static final String OUTPUT = "output";
    private static final String LIST = "N,N,...";
    private static final int MOST = 1 << 24;

    BenchCommand() {
        super("bench", "measure prompt processing and generation as llama-bench does");
        example("bench -m tiny -p 64 -n 32", "pp64 and tg32 of a preset");
        example("bench -m path/to/checkpoint", "pp512 and tg128 of a checkpoint, five times each");
        example(
                "bench -m tiny -p 0 -n 16 --sequences 1,8 -r 3 -o csv --strategy ma --attention-devices 3",
                "generation for one and eight sequences under MA Separation 3:1");
        note("pp: prompt tokens per second up to the first output token. tg: output tokens per second, from a prompt of"
                + " one token. Both over all sequences: mean and standard deviation. Prompts are random; end-of-sequence is"
                + " ignored.");
    }

    @Override
    void addOptions(OptionList options) {
        ModelFlags.add(options, DEFAULT_MODEL);
        options.value("p", N_PROMPT, LIST, "prompt tokens of a pp test; 0 for none [512]");
        options.value("n", N_GEN, LIST, "generated tokens of a tg test; 0 for none [128]");
        options.value("b", BATCH_SIZE, LIST,
                "most prompt tokens a rank takes in at once [" + Workload.DEFAULT_PREFILL_CHUNK + "]");
        options.value("d", N_DEPTH, LIST, "positions of random keys and values before each prompt [0]");
        options.value(SEQUENCES, LIST, "sequences at once [1]");
        options.value("r", REPETITIONS, "N", "runs of each test, after one that warms up [5]");
        options.value("o", OUTPUT, "NAME", "md, csv, json or table, as llama-bench calls it [md]");
        options.value(OutputFlags.FORMAT, "NAME", "the same, as other commands call it");
        StrategyFlags.add(options);
        StrategyFlags.addNodes(options);
        RunFlags.add(options);
    }

    @Override
    void run(Arguments arguments, Terminal terminal) {
        if (arguments.has(OUTPUT) && arguments.has(OutputFlags.FORMAT)) {
            throw new UsageException("--%s and --%s are the same: leave one of them out"
                    .formatted(OUTPUT, OutputFlags.FORMAT));
        }
        OutputFormat format = arguments.choice(
                arguments.has(OUTPUT) ? OUTPUT : OutputFlags.FORMAT, OutputFormat.MD, List.of(OutputFormat.values()),
                OutputFormat::id);
        List<Integer> prompts = arguments.integers(N_PROMPT, "512", 0, MOST);
        List<Integer> generates = arguments.integers(N_GEN, "128", 0, MOST);
        List<Integer> batchSizes =
                arguments.integers(BATCH_SIZE, String.valueOf(Workload.DEFAULT_PREFILL_CHUNK), 1, MOST);
        List<Integer> sequences = arguments.integers(SEQUENCES, "1", 1, 1 << 16);
        List<Integer> depths = arguments.integers(N_DEPTH, "0", 0, MOST);
        int repetitions = arguments.integer(REPETITIONS, 5, 1, 1_000_000);
        Setup setup = StrategyFlags.read(arguments);
        ExecutionOptions execution = RunFlags.read(arguments);
        RunFlags.announce(arguments, execution.devices(), terminal);
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
                    throw new UsageException("%s needs a context of %d, %s has %d: lower --%s%s".formatted(
                            test.label(),
                            test.context(),
                            config.name(),
                            config.maxPositions(),
                            test.prompt() > 0 ? N_PROMPT : N_GEN,
                            test.depth() > 0 ? " or --" + N_DEPTH : ""));
                }
            }
            Table table =
                    table(config, setup, execution, measure(model, setup, execution, tests, repetitions, terminal));
            terminal.out().print(TableWriter.write(
                    format == OutputFormat.MD || format == OutputFormat.TABLE
                            ? table.select("model", "model_size", "model_n_params", "backend", "layout",
                                    "micro_batches", "n_batch", "test", "t/s")
                            : table.without("t/s"),
                    format));
        }
    }

    /** A test, the nanoseconds of its runs, and the tokens per second of each. */
    private record Measured(SpeedTest test, SpeedTest.Samples nanos, SpeedTest.Samples rates) {}

    private static List<Measured> measure(
            Model model, Setup setup, ExecutionOptions execution, List<SpeedTest> tests, int repetitions,
            Terminal terminal) {
        List<Measured> measured = new ArrayList<>();
        try (Progress progress = terminal.progress("measuring", (long) tests.size() * (repetitions + 1))) {
            for (SpeedTest test : tests) {
                progress.doing(test.label());
                SpeedTest.Samples nanos = test.nanos(model, setup, execution, repetitions, progress::step);
                measured.add(new Measured(test, nanos, test.rates(nanos)));
            }
        }
        return measured;
    }

    private static Table table(
            ModelConfig config, Setup setup, ExecutionOptions execution, List<Measured> measured) {
        ModelSize size = ModelSize.of(config);
        return Table.of(measured,
                column("model", "model", Unit.PLAIN, m -> config.name()),
                column("model_size", "size", Unit.BYTES, m -> size.weightBytes()),
                column("model_n_params", "params", Unit.AMOUNT, m -> size.parameters()),
                column("backend", "backend", Unit.PLAIN, m -> execution.devices().getFirst().backend()),
                column("strategy", "strategy", Unit.PLAIN, m -> setup.layout().strategy().id()),
                column("layout", "layout", Unit.PLAIN, m -> setup.layout().name()),
                column("micro_batches", "micro-batches", Unit.COUNT, m -> setup.batching().microBatches()),
                column("n_ranks", "ranks", Unit.COUNT, m -> setup.layout().ranks()),
                column("n_batch", "n_batch", Unit.COUNT, m -> m.test().prefillChunk()),
                column("n_sequences", "sequences", Unit.COUNT, m -> m.test().sequences()),
                column("n_prompt", "n_prompt", Unit.COUNT, m -> m.test().prompt()),
                column("n_gen", "n_gen", Unit.COUNT, m -> m.test().generate()),
                column("n_depth", "n_depth", Unit.COUNT, m -> m.test().depth()),
                column("test", "test", Unit.TEXT_RIGHT, m -> m.test().label()),
                column("t/s", "t/s", Unit.TEXT_RIGHT,
                        m -> String.format(Locale.ROOT, "%.2f ± %.2f", m.rates().mean(), m.rates().deviation())),
                column("avg_ns", "avg_ns", Unit.COUNT, m -> Math.round(m.nanos().mean())),
                column("stddev_ns", "stddev_ns", Unit.COUNT, m -> Math.round(m.nanos().deviation())),
                column("avg_ts", "avg_ts", Unit.NUMBER, m -> m.rates().mean()),
                column("stddev_ts", "stddev_ts", Unit.NUMBER, m -> m.rates().deviation()),
                column("samples_ns", "samples_ns", Unit.PLAIN,
                        m -> Arrays.stream(m.nanos().values()).mapToObj(Math::round).toList()),
                column("samples_ts", "samples_ts", Unit.PLAIN,
                        m -> Arrays.stream(m.rates().values()).boxed().toList()));
    }
}
