package io.maseparation.parallel.cli;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.files.Json;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.calibrate.Calibration;
import io.maseparation.parallel.calibrate.Calibrator;
import io.maseparation.parallel.calibrate.SimulationCheck;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.ClusterFile;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.run.ExecutionOptions;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

/** {@code ma calibrate}: a cost profile of this machine, and how near the simulator comes to it. */
final class CalibrateCommand extends Command {
    private static final Optional<String> DEFAULT_MODEL = Optional.of("small");
    private static final String OUTPUT = "output";
    private static final String ROUNDS = "rounds";
    private static final String MAX_TOKENS = "max-tokens";
    private static final String BATCH = "batch";
    private static final String NO_CHECK = "no-check";
    private static final double MILLION = 1e6;
    private static final double GIGA = 1e9;

    CalibrateCommand() {
        super("calibrate", "measure this machine's devices into a cost profile, and check the simulator against runs");
        example("calibrate", "operations of preset small, and every strategy measured and simulated");
        example("calibrate -m tiny --rounds 1 -n 4", "a quick look");
        example("calibrate -m tiny --no-check -o profile.json", "the profile alone, into a file");
        note("The profile holds for shapes and formats of the model it was measured with.");
        note("Run nothing else at the same time: it measures what all of the machine's cores can do.");
    }

    @Override
    void addOptions(OptionList options) {
        ModelFlags.add(options, DEFAULT_MODEL);
        options.value("o", OUTPUT, "FILE", "where to write the profile, a cluster for simulate --cluster");
        options.value("r", ROUNDS, "N", "rounds of measurements, and runs of each layout of the check [9]");
        options.value("n", MAX_TOKENS, "N", "tokens of each run of the check [24]");
        options.value(BATCH, "N", "sequences of the check, and the fewest rows that are measured [6]");
        RunFlags.addDepth(options);
        RunFlags.addDevices(options);
        RunFlags.addTypes(options);
        options.flag(NO_CHECK, "measure the profile only");
        OutputFlags.add(options);
    }

    @Override
    void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        Optional<Path> output = OutputFlags.file(arguments, OUTPUT);
        int rounds = arguments.integer(ROUNDS, 9, 1, 1000);
        int batch = arguments.integer(BATCH, SimulationCheck.DEFAULT_BATCH, 1, 256);
        int depth = RunFlags.depth(arguments);
        int tokens = arguments.integer(MAX_TOKENS, 24, 2, 4096);
        ModelFlags.check(arguments);
        ExecutionOptions execution = RunFlags.read(arguments);
        int context = depth + SimulationCheck.PROMPT + tokens;
        BiConsumer<ModelConfig, Long> check = (config, weightBytes) -> {
            if (context > config.maxPositions()) {
                throw new UsageException(
                        "--n-depth %d with %d prompt tokens and --max-tokens %d exceeds the model's context of %d"
                                .formatted(depth, SimulationCheck.PROMPT, tokens, config.maxPositions()));
            }
            Calibrator.requireMemory(execution.devices(), config, weightBytes, execution.kvType(), batch, context,
                    !arguments.has(NO_CHECK));
        };
        String name = ModelFlags.name(arguments, DEFAULT_MODEL);
        if (Presets.has(name) && !Presets.config(name).planningOnly()) {
            // Before there are random weights.
            check.accept(Presets.config(name), ModelSize.of(Presets.config(name)).weightBytes());
        }
        try (Model model = ModelFlags.open(arguments, DEFAULT_MODEL, terminal)) {
            check.accept(model.config(), 0L);
            SimulationCheck.Settings settings = new SimulationCheck.Settings(
                    arguments.has(NO_CHECK) ? List.of() : layouts(model), rounds, tokens, batch, depth);
            Calibration calibration;
            List<SimulationCheck.Entry> checks = List.of();
            try (Progress progress = terminal.progress("calibrating", -1)) {
                progress.doing("peaks");
                try (Calibrator calibrator = new Calibrator(execution.devices(), model.weights(),
                        execution.kvType(), batch, context)) {
                    progress.doing("warm-up");
                    calibrator.warmUp();
                    if (arguments.has(NO_CHECK)) {
                        for (int i = 0; i < rounds; i++) {
                            progress.doing("operations");
                            calibrator.measure();
                        }
                        calibration = calibrator.result();
                    } else {
                        SimulationCheck.Result result =
                                SimulationCheck.run(model, calibrator, execution, settings, progress::doing);
                        calibration = result.calibration();
                        checks = result.entries();
                    }
                }
            }
            String source = "measured by ma calibrate -m %s%s on %s".formatted(model.config().name(),
                    RunFlags.types(arguments), LocalDate.now(ZoneId.systemDefault()));
            List<SimulationCheck.Entry> entries = checks;
            Table operations = operations(calibration);
            Table checked = check(entries);
            OutputFlags.both(
                    () -> output.ifPresent(file -> ClusterFile.write(file, calibration.cluster(), source)),
                    () -> terminal.results(switch (format) {
                        case JSON -> Json.write(tree(model, calibration, operations, checked, entries));
                        case CSV -> TableWriter.write(entries.isEmpty() ? operations : checked, format);
                        default -> text(model, calibration, operations, checked, entries, settings, format);
                    }, format));
        }
    }

    private static List<Setup> layouts(Model model) {
        List<Setup> layouts = new ArrayList<>();
        for (Setup setup : SimulationCheck.layouts()) {
            try {
                Planning.plan(model.config(), setup);
                layouts.add(setup);
            } catch (PlanException e) {
                System.getLogger(CalibrateCommand.class.getName())
                        .log(System.Logger.Level.INFO, "not checked: " + FlagNames.translate(e.getMessage()));
            }
        }
        return layouts;
    }

    private static Table operations(Calibration calibration) {
        return Table.of(
                Stream.of(Operation.values())
                        .filter(calibration.fits()::containsKey)
                        .map(operation -> Map.entry(operation, calibration.fits().get(operation)))
                        .toList(),
                column("operation", "operation", Unit.PLAIN, e -> e.getKey().id()),
                column("launch_us", "launch, us", Unit.NUMBER, e -> e.getValue().rate().launchSeconds() * MILLION),
                column("gb_per_s", "GB/s", Unit.NUMBER, e -> e.getValue().rate().bytesPerSecond() / GIGA),
                column("gflop_per_s", "GFLOP/s", Unit.NUMBER, e -> e.getValue().rate().flopsPerSecond() / GIGA),
                column("median_error", "median error of the fit", Unit.PERCENT, e -> e.getValue().medianError()),
                column("samples", "samples", Unit.COUNT, e -> e.getValue().samples()),
                column("shape_times", "times by shape", Unit.COUNT, e -> shapeTimes(calibration, e.getKey())));
    }

    private static int shapeTimes(Calibration calibration, Operation operation) {
        OperationRate rate = calibration.cluster().kinds().getFirst().measured().get(operation);
        return rate == null ? 0 : rate.shapes().curves().stream().mapToInt(c -> c.points().size()).sum();
    }

    private static Table check(List<SimulationCheck.Entry> checks) {
        return Table.of(checks,
                column("strategy", "strategy", Unit.PLAIN, e -> e.setup().layout().strategy().id()),
                column("layout", "layout", Unit.PLAIN, e -> e.setup().layout().name()),
                column("micro_batches", "micro-batches", Unit.COUNT, e -> e.setup().batching().microBatches()),
                column("measured_step_ms", "step, measured", Unit.MILLISECONDS, SimulationCheck.Entry::measuredMs),
                column("measured_step_ms_min", "least", Unit.MILLISECONDS, SimulationCheck.Entry::leastMs),
                column("measured_step_ms_max", "most", Unit.MILLISECONDS, SimulationCheck.Entry::mostMs),
                column("measured_tpot_p50_ms", "TPOT p50", Unit.MILLISECONDS, SimulationCheck.Entry::medianMs),
                column("simulated_tpot_ms", "TPOT, simulated", Unit.MILLISECONDS, SimulationCheck.Entry::simulatedMs),
                column("error", "error", Unit.PERCENT, SimulationCheck.Entry::error),
                column("rates_tpot_ms", "by rates alone", Unit.MILLISECONDS, SimulationCheck.Entry::ratesMs),
                column("rates_error", "error", Unit.PERCENT, e -> e.ratesMs() / e.measuredMs() - 1));
    }

    private static Table segments(List<SimulationCheck.Entry> checks) {
        Table.Builder table = Table.builder()
                .column("strategy", "strategy", Unit.PLAIN)
                .column("layout", "layout", Unit.PLAIN)
                .column("segment", "segment", Unit.PLAIN)
                .column("measured_ms", "measured", Unit.MILLISECONDS)
                .column("simulated_ms", "simulated", Unit.MILLISECONDS)
                .column("error", "error", Unit.PERCENT);
        for (SimulationCheck.Entry e : checks) {
            for (SimulationCheck.SegmentTime s : e.segments()) {
                table.row(e.setup().layout().strategy().id(), e.setup().layout().name(), s.name(), s.measuredMs(),
                        s.simulatedMs(), s.simulatedMs() / s.measuredMs() - 1);
            }
        }
        return table.build();
    }

    private static Map<String, Object> tree(
            Model model, Calibration calibration, Table operations, Table check, List<SimulationCheck.Entry> checks) {
        Cluster cluster = calibration.cluster();
        DeviceKind kind = cluster.kinds().getFirst();
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("model", model.config().name());
        tree.put("source", "measured");
        tree.put("memory_bandwidth_bytes_per_s", kind.roofline().bytesPerSecond());
        tree.put("flops_per_s", kind.roofline().flopsPerSecond());
        tree.put("graph_start_us", kind.launches().startSeconds() * MILLION);
        tree.put("transfer_latency_us", cluster.links().intraNode().latencySeconds() * MILLION);
        tree.put("transfer_bytes_per_s", cluster.links().intraNode().bytesPerSecond());
        tree.put("contention", cluster.host().contention());
        tree.put("variation", cluster.host().variation());
        calibration.split().ifPresent(split -> {
            tree.put("launch_us", kind.launches().eagerSeconds() * MILLION);
            tree.put("host_bytes_per_s", kind.hostBytesPerSecond());
            tree.put("step", step(split, kind));
        });
        tree.put("operations", operations.objects());
        tree.put("strategies", check.objects());
        tree.put("segments", segments(checks).objects());
        return tree;
    }

    /** Where a step of a single device goes. */
    private static Map<String, Object> step(Calibration.StepSplit split, DeviceKind kind) {
        Map<String, Object> step = new LinkedHashMap<>();
        step.put("rows", split.rows());
        step.put("context", split.context());
        step.put("tasks_per_step", split.tasks());
        step.put("bytes_moved_per_step", split.bytesMoved());
        step.put("transfer_bytes_per_step", split.transferBytes());
        step.put("step_ms", split.stepMs());
        step.put("kernel_ms", split.kernelMs());
        step.put("transfer_ms", split.transferMs());
        step.put("host_ms", split.hostMs());
        step.put("mbu", split.bytesMoved() / (split.stepMs() / 1e3 * kind.roofline().bytesPerSecond()));
        return step;
    }

    private static String deviceText(Cluster cluster, Calibration.StepSplit split) {
        DeviceKind kind = cluster.kinds().getFirst();
        return ("\nMemory %s GB/s by a copy, multiply-adds %s GFLOP/s in fp32; the host starts a segment in %s us and a task"
                + " in %s us, %s %% longer while another rank does; host to device and back %s GB/s; a message between"
                + " ranks %s us and %s GB/s.\nA step of %d sequences at %d positions on one rank: %s, of which kernels %s"
                + " in %d tasks, data to and from the device %s (%s), the rest, of the host, %s; %s move, %s of the copy's"
                + " rate.\n").formatted(
                        Unit.significant(kind.roofline().bytesPerSecond() / GIGA),
                        Unit.significant(kind.roofline().flopsPerSecond() / GIGA),
                        Unit.significant(kind.launches().startSeconds() * MILLION),
                        Unit.significant(kind.launches().eagerSeconds() * MILLION),
                        Unit.significant(100 * cluster.host().contention()),
                        Unit.significant(kind.hostBytesPerSecond() / GIGA),
                        Unit.significant(cluster.links().intraNode().latencySeconds() * MILLION),
                        Unit.significant(cluster.links().intraNode().bytesPerSecond() / GIGA),
                        split.rows(),
                        split.context(),
                        Unit.MILLISECONDS.text(split.stepMs()),
                        Unit.MILLISECONDS.text(split.kernelMs()),
                        split.tasks(),
                        Unit.MILLISECONDS.text(split.transferMs()),
                        Unit.BYTES.text(split.transferBytes()),
                        Unit.MILLISECONDS.text(split.hostMs()),
                        Unit.BYTES.text((long) split.bytesMoved()),
                        Unit.PERCENT
                                .text(split.bytesMoved() / (split.stepMs() / 1e3 * kind.roofline().bytesPerSecond())));
    }

    private static String hostText(Cluster cluster) {
        DeviceKind kind = cluster.kinds().getFirst();
        Link link = cluster.links().intraNode();
        return ("\nMemory %s GB/s, multiply-adds %s GFLOP/s; starting a graph %s us; a message between ranks %s us and"
                + " %s GB/s; two ranks that compute at once take %s %% longer each,"
                + " give or take %s %%.\n").formatted(
                        Unit.significant(kind.roofline().bytesPerSecond() / GIGA),
                        Unit.significant(kind.roofline().flopsPerSecond() / GIGA),
                        Unit.significant(kind.launches().startSeconds() * MILLION),
                        Unit.significant(link.latencySeconds() * MILLION),
                        Unit.significant(link.bytesPerSecond() / GIGA),
                        Unit.significant(100 * cluster.host().contention()),
                        Unit.significant(100 * cluster.host().variation()));
    }

    private static String text(
            Model model, Calibration calibration, Table operations, Table check, List<SimulationCheck.Entry> checks,
            SimulationCheck.Settings settings, OutputFormat format) {
        Cluster cluster = calibration.cluster();
        DeviceKind kind = cluster.kinds().getFirst();
        StringBuilder text = new StringBuilder("%s; %s of this machine, measured\n\n"
                .formatted(ModelFlags.description(model.config()), kind.name()));
        text.append(TableWriter.write(operations, format));
        text.append(calibration.split().map(split -> deviceText(cluster, split)).orElseGet(() -> hostText(cluster)));
        if (!checks.isEmpty()) {
            text.append("\nThe simulator against runs: %d prompts of %d tokens, %d generated; median of %d runs.\n\n"
                    .formatted(settings.batch(), SimulationCheck.PROMPT, settings.tokens(), settings.rounds()));
            text.append(TableWriter.write(check.without("strategy"), format)).append('\n');
            text.append(TableWriter.write(segments(checks).without("strategy"), format));
        }
        return text.toString();
    }
}
