package io.maseparation.parallel.cli;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import io.maseparation.moe.Presets;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.calibrate.Calibration;
import io.maseparation.parallel.calibrate.Calibrator;
import io.maseparation.parallel.calibrate.LinkProbe;
import io.maseparation.parallel.calibrate.SimulationCheck;
import io.maseparation.parallel.cli.results.CalibrationReport;
import io.maseparation.parallel.cluster.ClusterFile;
import io.maseparation.parallel.comm.mpi.MpiProcesses;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.run.ExecutionOptions;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BiConsumer;

/** {@code ma calibrate}: a cost profile of this machine, and how near the simulator comes to it. */
final class CalibrateCommand extends Command {
    private static final Optional<String> DEFAULT_MODEL = Optional.of("small");
    private static final String OUTPUT = "output";
    private static final String ROUNDS = "rounds";
    private static final String MAX_TOKENS = "max-tokens";
    private static final String BATCH = "batch";
    private static final String NO_CHECK = "no-check";

    CalibrateCommand() {
        super("calibrate", "measure this machine's devices into a cost profile, and check the simulator against runs");
        example("calibrate", "operations of preset small, and every strategy measured and simulated");
        example("calibrate -m tiny --rounds 1 -n 4", "a quick look");
        example("calibrate -m tiny --no-check -o profile.json", "the profile alone, into a file");
        note("With --transport mpi it also measures messages between processes, of one host and of several, which the profile"
                + " then has as its links: mpirun -n 2 ./ma calibrate … --transport mpi (docs/distributed.md). Rank 0 measures"
                + " its device and the others wait; runs are not checked (--no-check).");
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
        options.flag(NO_CHECK, "measure the profile only; so does --transport mpi");
        MpiFlags.addTransport(options);
        MpiFlags.add(options);
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
        Settings settings = new Settings(format, output, rounds, tokens, batch, depth);
        if (MpiFlags.chosen(arguments)) {
            OwnGpu.choose();
        }
        Optional<MpiProcesses> processes = MpiFlags.join(arguments, OptionalInt.empty(), terminal);
        try {
            if (processes.isPresent()) {
                inJob(arguments, settings, processes.get(), terminal);
                processes.get().leave();
                processes.get().awaitOthers();
            } else {
                calibrate(arguments, settings, Optional.empty(), terminal);
            }
        } finally {
            processes.ifPresent(MpiProcesses::close);
        }
    }

    /** What a command line asks for. */
    private record Settings(
            OutputFormat format, Optional<Path> output, int rounds, int tokens, int batch, int depth) {}

    /** Rank 0 measures and says what it found; the others are there for its messages. */
    private static void inJob(Arguments arguments, Settings settings, MpiProcesses processes, Terminal terminal) {
        if (processes.size() == 1) {
            throw new UsageException("--transport mpi: messages between processes are measured, and there is 1 process:"
                    + " start it with mpirun -n 2, or more");
        }
        Device device = RunFlags.readAnyTransport(arguments).devices().getFirst();
        LinkProbe links = LinkProbe.join(processes, processes.host(), device);
        if (processes.rank() > 0) {
            links.follow();
            return;
        }
        links.otherDevices().forEach(line -> terminal.err().println("ma: " + Main.oneLine(line)));
        calibrate(arguments, settings, Optional.of(links), terminal);
    }

    private static void calibrate(
            Arguments arguments, Settings settings, Optional<LinkProbe> links, Terminal terminal) {
        ModelFlags.check(arguments);
        ExecutionOptions execution = RunFlags.readAnyTransport(arguments);
        int context = settings.depth() + SimulationCheck.PROMPT + settings.tokens();
        boolean checks = !arguments.has(NO_CHECK) && links.isEmpty();
        BiConsumer<ModelConfig, Long> fits = (config, weightBytes) -> {
            if (context > config.maxPositions()) {
                throw new UsageException(
                        "--n-depth %d with %d prompt tokens and --max-tokens %d exceeds the model's context of %d"
                                .formatted(settings.depth(), SimulationCheck.PROMPT, settings.tokens(),
                                        config.maxPositions()));
            }
            Calibrator.requireMemory(execution.devices(), config, weightBytes, execution.kvType(), settings.batch(),
                    context, checks);
        };
        String name = ModelFlags.name(arguments, DEFAULT_MODEL);
        if (Presets.has(name) && !Presets.config(name).planningOnly()) {
            // Before there are random weights.
            fits.accept(Presets.config(name), ModelSize.of(Presets.config(name)).weightBytes());
        }
        try (Model model = ModelFlags.open(arguments, DEFAULT_MODEL, terminal)) {
            fits.accept(model.config(), 0L);
            SimulationCheck.Settings check = new SimulationCheck.Settings(
                    checks ? layouts(model) : List.of(), settings.rounds(), settings.tokens(), settings.batch(),
                    settings.depth());
            SimulationCheck.Result result;
            try (Progress progress = terminal.progress("calibrating", -1)) {
                progress.doing("peaks");
                try (Calibrator calibrator = new Calibrator(execution.devices(), model.weights(),
                        execution.kvType(), settings.batch(), context)) {
                    progress.doing("warm-up");
                    calibrator.warmUp();
                    result = checks
                            ? SimulationCheck.run(model, calibrator, execution, check, progress::doing)
                            : profile(calibrator, links, settings.rounds(), progress);
                }
            }
            links.ifPresent(LinkProbe::end);
            CalibrationReport report = new CalibrationReport(
                    result.calibration(), result.entries(), links.map(LinkProbe::links).orElse(List.of()));
            String source = "measured by ma calibrate -m %s%s%s on %s".formatted(model.config().name(),
                    RunFlags.types(arguments), links.isPresent() ? " --transport mpi" : "",
                    LocalDate.now(ZoneId.systemDefault()));
            OutputFlags.both(
                    () -> settings.output()
                            .ifPresent(file -> ClusterFile.write(file, result.calibration().cluster(), source)),
                    () -> terminal.results(report.written(model.config().name(),
                            ModelFlags.description(model.config()), check, settings.format()), settings.format()));
            terminal.out().flush();
        }
    }

    private static SimulationCheck.Result profile(
            Calibrator calibrator, Optional<LinkProbe> links, int rounds, Progress progress) {
        links.ifPresent(LinkProbe::warmUp);
        for (int i = 0; i < rounds; i++) {
            progress.doing("operations");
            calibrator.measure();
            progress.doing("messages");
            links.ifPresent(LinkProbe::measure);
        }
        Calibration alone = calibrator.result();
        return new SimulationCheck.Result(links.map(l -> l.of(alone)).orElse(alone), List.of());
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
}
