package io.maseparation.parallel.cli;

import io.maseparation.files.Json;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Sampler;
import io.maseparation.moe.Tokenizer;
import io.maseparation.moe.segments.Shard;
import io.maseparation.parallel.Generation;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.cli.results.RunReport;
import io.maseparation.parallel.comm.mpi.MpiProcesses;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.timeline.TraceFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** {@code ma generate}: runs one strategy. */
final class GenerateCommand extends Command {
    private static final String MAX_TOKENS = "max-tokens";
    private static final String IGNORE_EOS = "ignore-eos";
    private static final String TEMPERATURE = "temperature";
    private static final String TOP_K = "top-k";
    private static final String TOP_P = "top-p";
    private static final String MIN_P = "min-p";
    private static final String REPETITION_PENALTY = "repetition-penalty";
    private static final String SEED = "seed";
    private static final String LOGITS = "logits";
    /** Logits shown to people, who cannot read a whole vocabulary. */
    private static final int LOGITS_SHOWN = 5;

    GenerateCommand() {
        super("generate", "run a model with one strategy: tokens, times, and what each rank held and sent");
        example("generate -m tiny --prompt-ids 1,2,3 -n 8", "one device, a preset with random weights");
        example(
                "generate -m path/to/checkpoint -p \"Once upon a time\" -n 64",
                "a Hugging Face checkpoint and text");
        example(
                "generate -m path/to/checkpoint --chat --system \"Be brief.\" -p \"What is a mixture of experts?\" -n 64 "
                        + "--stop \"Thank you\"",
                "a question in the words of the checkpoint's chat template");
        example(
                "generate -m tiny --prompt-ids 1,2,3 --prompt-ids 4,5 -n 8 --strategy ma "
                        + "--attention-devices 2 --expert-devices 1 --micro-batches 2",
                "MA Separation, two prompts in ping-pong");
        example(
                "generate -m tiny --prompt-ids 1,2,3 --prompt-ids 4,5 -n 8,20",
                "up to 8 tokens for the first prompt, and up to 20 for the second");
        example(
                "generate -m tiny --prompt-ids 1,2,3 -n 8 --strategy tp-pp "
                        + "--tensor-parallel-size 2 --pipeline-parallel-size 2 --format json --logits",
                "the baseline, for a program to read");
        example(
                "generate -m tiny --prompt-ids 1,2,3 -n 8 --strategy ep --expert-parallel-size 4 "
                        + "--temperature 0.8 --top-p 0.9 --seed 7",
                "expert parallelism, sampling");
        example(
                "generate -m tiny --prompt-ids 1,2,3 --prompt-ids 4,5 -n 32 --strategy ma "
                        + "--attention-devices 2 --expert-devices 2 --rebalance --elastic "
                        + "--rebalance-interval 8",
                "experts, sequences and devices change places as the run goes on");
        example(
                "generate -m tiny --prompt-ids 1,2,3 --prompt-ids 4,5 -n 32 --strategy ma "
                        + "--attention-devices 2 --expert-devices 1 --change-at 8=1:2 --change-at 20=2:1 "
                        + "--format json",
                "the same, told when");
        example(
                "generate -m tiny --prompt-ids 1,2,3 --prompt-ids 4,5 -n 8 --strategy ma --attention-devices 2 "
                        + "--attention-tensor-parallel-size 2 --expert-devices 4 --expert-tensor-parallel-size 2",
                "MA Separation with heads and experts split, too");
        note("Whatever the strategy, greedy tokens are the same: bit for bit, and up to rounding where heads or"
                + " experts are split (tp-pp, --attention-tensor-parallel-size, --expert-tensor-parallel-size).");
        note("For people tokens are printed as they come, one sequence after the other; Ctrl-C ends the run and keeps"
                + " what there is.");
        note("--format csv prints one row per sequence; json and the others also metrics and ranks.");
        note("--transport mpi makes each rank a process of its own, on one machine or several: mpirun -n 3 ./ma generate"
                + " … --strategy ma --attention-devices 1 --expert-devices 2 --transport mpi (docs/distributed.md).");
        note("--trace records transfers and waits too, which costs a little time.");
    }

    @Override
    void addOptions(OptionList options) {
        ModelFlags.add(options, Optional.empty());
        PromptFlags.add(options);
        PromptFlags.addText(options);
        options.value("n", MAX_TOKENS, "N,N,...",
                "most tokens to generate for each prompt: one number, or one for each in their order [16]");
        options.flag(IGNORE_EOS, "go on after an end-of-sequence token");
        options.value(TEMPERATURE, "X", "sample with this temperature; 0 takes the most likely token [0, and for this"
                + " and the next four what the checkpoint's generation_config.json says]");
        options.value(TOP_K, "N", "sample from this number of most likely tokens; 0 is all [0]");
        options.value(TOP_P, "X",
                "sample from the most likely tokens that have this share of probability together [1]");
        options.value(MIN_P, "X", "sample from tokens that have this share of the largest probability [0]");
        options.value(REPETITION_PENALTY, "X",
                "make tokens that are in the prompt or the output already less likely, above 1 [1]");
        options.value("s", SEED, "N", "seed of sampling [0]");
        options.flag(LOGITS, "also print the logits of each prompt's last position");
        StrategyFlags.add(options);
        StrategyFlags.addNodes(options);
        StrategyFlags.addPlan(options);
        ChangeFlags.add(options);
        RunFlags.add(options);
        RunFlags.addPrefillChunk(options);
        RunFlags.addDepth(options);
        MpiFlags.add(options);
        TraceFlags.add(options);
        OutputFlags.add(options);
    }

    @Override
    void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        Optional<Path> planFile = StrategyFlags.planFile(arguments);
        List<Integer> maxTokens = arguments.integers(MAX_TOKENS, "16", 1, Integer.MAX_VALUE);
        // What the flags say makes sense on its own, whatever the checkpoint says.
        sampler(arguments, Sampler.greedy());
        RunFlags.prefillChunk(arguments);
        Optional<PlanFile> plan = planFile.map(PlanFile::read);
        Setup setup = plan.map(PlanFile::setup).orElseGet(() -> StrategyFlags.read(arguments));
        PromptFlags.check(arguments, ModelFlags.name(arguments, plan.map(PlanFile::model)));
        Optional<Path> trace = TraceFlags.file(arguments);
        if (MpiFlags.chosen(arguments)) {
            plan.ifPresent(p -> MpiFlags.checkDevices(p, planFile.orElseThrow()));
            OwnGpu.choose();
        }
        ExecutionOptions plain = RunFlags.readAnyTransport(arguments).withTransfers(trace.isPresent());
        int devices = plan.map(p -> Collections.max(p.devices()) + 1).orElse(setup.layout().ranks());
        ExecutionOptions execution =
                plain.withChanges(ChangeFlags.read(arguments, setup.layout(), devices, plain.kvType()));
        if (MpiFlags.chosen(arguments) && (trace.isPresent() || !execution.changes().isNone())) {
            throw new UsageException("--transport mpi: %s between processes is not available yet"
                    .formatted(trace.isPresent() ? "--trace" : "a change of layout"));
        }
        Optional<MpiProcesses> processes = MpiFlags.join(
                arguments, OptionalInt.of(setup.layout().ranks()), terminal);
        try {
            generate(arguments, new Run(format, plan, planFile, setup, maxTokens, execution, trace, processes),
                    terminal);
            processes.ifPresent(MpiProcesses::awaitOthers);
        } finally {
            processes.ifPresent(MpiProcesses::close);
        }
    }

    /** What a command line asks for. */
    private record Run(
            OutputFormat format, Optional<PlanFile> plan, Optional<Path> planFile, Setup setup, List<Integer> maxTokens,
            ExecutionOptions execution, Optional<Path> trace, Optional<MpiProcesses> processes) {

        Plan plan(ModelConfig config) {
            return plan.map(p -> p.toPlan(config)).orElseGet(() -> Planning.plan(config, setup));
        }

        /** Whether this process speaks. */
        boolean speaks() {
            return processes.isEmpty() || processes.get().rank() == 0;
        }

        /** What this process's rank holds; all, where it has all ranks. */
        Optional<Function<ModelConfig, Shard>> part() {
            return processes.map(p -> config -> plan(config).ranks().get(p.rank()).shard());
        }

        /** All is said; other processes may end, too. */
        void leave() {
            processes.ifPresent(MpiProcesses::leave);
        }
    }

    private static void generate(Arguments arguments, Run run, Terminal all) {
        Terminal terminal = run.speaks() ? all : Terminal.silent();
        RunFlags.announce(arguments, run.execution().devices(), terminal);
        try (Model model = ModelFlags.open(arguments, run.plan().map(PlanFile::model), terminal, run.part())) {
            Generation generation = Generation.of(model)
                    .sampling(sampler(arguments, model, terminal))
                    .prefillChunk(RunFlags.prefillChunk(arguments))
                    .depth(RunFlags.depth(arguments));
            run.plan().ifPresentOrElse(generation::plan, () -> generation.layout(run.setup()));
            run.processes().ifPresent(generation::in);
            if (run.maxTokens().size() == 1) {
                generation.maxTokens(run.maxTokens().getFirst());
            } else {
                generation.limits(run.maxTokens());
            }
            if (arguments.has(IGNORE_EOS)) {
                generation.ignoringEos();
            }
            if (arguments.has(LOGITS)) {
                generation.promptLogits();
            }
            try {
                if (run.speaks()) {
                    lead(arguments, run, model, generation, terminal);
                } else {
                    // Rank 0 ends the run, on Ctrl-C too.
                    try (Interrupts _ = Interrupts.during(() -> {})) {
                        generation.execution(run.execution()).follow();
                        run.leave();
                    }
                }
            } catch (PlanException e) {
                throw run.planFile().isEmpty() ? e : new PlanException(run.planFile().get() + ": " + e.getMessage());
            }
        }
    }

    private static void lead(Arguments arguments, Run run, Model model, Generation generation, Terminal terminal) {
        generation.stop(PromptFlags.stops(arguments));
        PromptFlags.addTo(generation, arguments);
        List<Integer> limits = limits(run.maxTokens(), generation.prompts().size());
        model.tokenizer().ifPresent(Tokenizer::load);
        boolean streams = run.format() == OutputFormat.TABLE;
        if (streams) {
            generation.onToken(new AnswerPrinter(
                    terminal.out(), generation.prompts(), model.tokenizer().isPresent()));
        }
        long most = limits.stream().mapToLong(n -> n).sum();
        try (Interrupts _ = Interrupts.during(generation::cancel)) {
            RunResult result;
            try (Progress progress = (streams ? terminal.quiet() : terminal).progress("generating", most)) {
                result = generation.execution(run.execution().withOnToken(s -> progress.step())).run();
            }
            result.changes().stream().filter(c -> !c.made())
                    .forEach(c -> terminal.err().println("ma: " + Main.oneLine(c.toString())));
            List<Optional<String>> texts = result.outputs().stream().map(generation::text).toList();
            Setup setup = run.setup();
            OutputFlags.both(
                    () -> run.trace().ifPresent(file -> TraceFile.write(
                            file, List.of(TraceFlags.measured(result, setup.batching(), terminal)))),
                    () -> terminal.results(run.format() == OutputFormat.JSON
                            ? Json.write(tree(result, texts, model.config(), setup, run.execution()))
                            : text(result, texts, model.config(), setup, run.format()), run.format()));
            terminal.out().flush();
            run.leave();
        }
    }

    /** Most tokens of each prompt. */
    private static List<Integer> limits(List<Integer> given, int prompts) {
        if (given.size() > 1 && given.size() != prompts) {
            throw new UsageException("--%s has %d numbers for %s: give one for each, or one for all"
                    .formatted(MAX_TOKENS, given.size(), Text.count(prompts, "prompt")));
        }
        return given.size() == 1 ? Collections.nCopies(prompts, given.getFirst()) : given;
    }

    /** How tokens are chosen: as the flags say, and else as the checkpoint says, which is told. */
    private static Sampler sampler(Arguments arguments, Model model, Terminal terminal) {
        boolean sample = arguments.number(TEMPERATURE, 0) > 0;
        Sampler recommended = model.sampler(sample);
        Sampler sampler = sampler(arguments, recommended);
        if (!sampler.description().equals(sampler(arguments, Sampler.greedy()).description())) {
            terminal.err().println("ma: sampling as generation_config.json says where no flag does: "
                    + sampler.description());
        }
        for (String flag : List.of(TOP_K, TOP_P, MIN_P, SEED)) {
            if (arguments.has(flag) && sampler.temperature() == 0) {
                terminal.err().println(
                        "ma: --%s has no effect without --temperature above 0: the most likely token is taken"
                                .formatted(flag));
            }
        }
        return sampler;
    }

    private static Sampler sampler(Arguments arguments, Sampler recommended) {
        try {
            return new Sampler(
                    arguments.number(TEMPERATURE, recommended.temperature()),
                    arguments.integer(TOP_K, recommended.topK(), 0, Integer.MAX_VALUE),
                    arguments.number(TOP_P, recommended.topP()),
                    arguments.number(MIN_P, recommended.minP()),
                    arguments.number(REPETITION_PENALTY, recommended.repetitionPenalty()),
                    arguments.seed(SEED));
        } catch (ModelException e) {
            throw new UsageException(FlagNames.translate(String.valueOf(e.getMessage())));
        }
    }

    private static Map<String, Object> tree(
            RunResult result, List<Optional<String>> texts, ModelConfig config, Setup setup,
            ExecutionOptions execution) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("strategy", result.strategy());
        tree.put("layout", result.layout());
        tree.put("micro_batches", setup.batching().microBatches());
        tree.put("schedule", setup.batching().schedule().id());
        tree.put(CombineMode.NAME, setup.layout().combine().id());
        tree.put(Dispatch.NAME, setup.layout().dispatch().mode().id());
        tree.put("model", config.name());
        tree.put("kv_dtype", execution.kvType().name().toLowerCase(Locale.ROOT));
        tree.put("activations", execution.activations().name().toLowerCase(Locale.ROOT));
        tree.put("backend", result.backend());
        tree.put("source", "measured");
        tree.put("ranks", RunReport.ranks(result).objects());
        List<Map<String, Object>> outputs = new ArrayList<>();
        for (int i = 0; i < result.outputs().size(); i++) {
            RunResult.SequenceOutput output = result.outputs().get(i);
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("prompt_ids", output.promptIds());
            entry.put("token_ids", output.tokenIds());
            texts.get(i).ifPresent(text -> entry.put("text", text));
            if (output.promptLogits() != null) {
                entry.put("prompt_logits", output.promptLogits());
            }
            outputs.add(entry);
        }
        tree.put("outputs", outputs);
        tree.put("metrics", RunReport.metrics(result));
        tree.put("changes", RunReport.changes(result, FlagNames::translate).objects());
        return tree;
    }

    private static String text(
            RunResult result, List<Optional<String>> texts, ModelConfig config, Setup setup,
            OutputFormat format) {
        if (format == OutputFormat.CSV) {
            return TableWriter.write(sequences(result, texts), format);
        }
        boolean markdown = format == OutputFormat.MD;
        StringBuilder text = new StringBuilder();
        if (markdown) {
            text.append(TableWriter.write(sequences(result, texts), format));
        } else {
            // What was generated is there already: it was printed as it came.
            for (int i = 0; i < result.outputs().size(); i++) {
                float[] logits = result.outputs().get(i).promptLogits();
                if (logits != null) {
                    text.append("sequence %d, largest prompt logits: %s\n".formatted(i, largest(logits)));
                }
            }
        }
        text.append("\n%s, %s, %s, measured\n\n".formatted(
                ModelFlags.description(config),
                setup.batching().after(result.layout()),
                result.backend()));
        text.append(TableWriter.write(RunReport.metricsTable(result), format)).append('\n');
        text.append(TableWriter.write(RunReport.ranks(result), format));
        if (!result.changes().isEmpty()) {
            text.append('\n').append(TableWriter.write(RunReport.changes(result, FlagNames::translate), format));
        }
        for (String caveat : RunReport.caveats(result.backend(), result.ranks().size())) {
            text.append('\n').append(caveat).append('\n');
        }
        return text.toString();
    }

    private static Table sequences(RunResult result, List<Optional<String>> texts) {
        boolean logits = result.outputs().stream().anyMatch(o -> o.promptLogits() != null);
        boolean hasText = texts.stream().anyMatch(Optional::isPresent);
        List<Table.Column> columns = new ArrayList<>(List.of(
                new Table.Column("sequence", "sequence", Unit.PLAIN),
                new Table.Column("prompt_ids", "prompt ids", Unit.PLAIN),
                new Table.Column("token_ids", "token ids", Unit.PLAIN)));
        if (hasText) {
            columns.add(new Table.Column("text", "text", Unit.PLAIN));
        }
        if (logits) {
            columns.add(new Table.Column("prompt_logits", "prompt logits", Unit.PLAIN));
        }
        List<List<Object>> rows = new ArrayList<>();
        for (int i = 0; i < result.outputs().size(); i++) {
            RunResult.SequenceOutput output = result.outputs().get(i);
            List<Object> row = new ArrayList<>(List.of(i, output.promptIds(), output.tokenIds()));
            if (hasText) {
                row.add(texts.get(i).orElse(""));
            }
            if (logits) {
                float[] values = Objects.requireNonNull(output.promptLogits(), "a run with logits has them");
                row.add(IntStream.range(0, values.length).mapToObj(j -> Float.toString(values[j])).toList());
            }
            rows.add(row);
        }
        return new Table(columns, rows);
    }

    private static String largest(float[] logits) {
        return IntStream.range(0, logits.length)
                .boxed()
                .sorted((a, b) -> Float.compare(logits[b], logits[a]))
                .limit(LOGITS_SHOWN)
                .map(i -> String.format(Locale.ROOT, "%d: %.4f", i, logits[i]))
                .collect(Collectors.joining(", "));
    }
}
