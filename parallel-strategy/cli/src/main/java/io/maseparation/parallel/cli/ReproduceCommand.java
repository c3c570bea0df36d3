package io.maseparation.parallel.cli;

import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.studies.paper.Reproduction;
import io.maseparation.parallel.studies.paper.Reproduction.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** {@code ma reproduce}: the paper's evaluation, simulated. */
final class ReproduceCommand extends Command {
    private static final String OUTPUT = "output";
    private static final String DEFAULT_OUTPUT = "ma-reproduction";
    private static final String OTHERS = "plan, compare and the README have other times of a layout: the LM head counts"
            + " there, and batch, context, launches and collectives are as each says.";
    private static final String CLUSTER = "cluster";
    private static final String DEFAULT_CLUSTER = "a100x16";
    private static final String QUICK = "quick";
    private static final String SEED = "seed";

    ReproduceCommand() {
        super("reproduce", "hold the paper's numbers against simulations and bounds, and map where separation pays");
        example("reproduce", "the whole evaluation: a table, and a report in " + DEFAULT_OUTPUT);
        example("reproduce --quick -o report --format md", "the table as Markdown, with a coarse report");
        note("Everything is simulated. The whole evaluation takes about a minute on two cores, --quick some seconds.");
    }

    @Override
    void addOptions(OptionList options) {
        options.value("o", OUTPUT, "DIR", "folder of the report: %s and the CSV behind each chart [%s]"
                .formatted(Reproduction.PAGE, DEFAULT_OUTPUT));
        options.value(CLUSTER, "NAME|FILE",
                "devices to simulate, repeated or cut to the paper's 16: %s, or a JSON file [%s]"
                        .formatted(Clusters.described(), DEFAULT_CLUSTER));
        options.flag(QUICK, "few points: seconds instead of minutes, and the same table of claims");
        options.value("s", SEED, "N", "seed of the routing [0]");
        SimulationFlags.addFormats(options);
        OutputFlags.add(options);
    }

    @Override
    void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        Path folder = OutputFlags.folder(
                OUTPUT, arguments.path(OUTPUT).orElse(Path.of(DEFAULT_OUTPUT)), Reproduction.FILES);
        Settings settings = new Settings(
                arguments.named(CLUSTER, DEFAULT_CLUSTER, Clusters::named), arguments.has(QUICK),
                arguments.seed(SEED),
                Runtime.getRuntime().availableProcessors(),
                SimulationFlags.formats(arguments));
        Reproduction reproduction;
        try (Progress progress = terminal.progress("reproducing", Reproduction.items(settings))) {
            reproduction = Reproduction.run(settings, new Reproduction.Listener() {
                @Override
                public void doing(String what) {
                    progress.doing(what);
                }

                @Override
                public void done() {
                    progress.step();
                }
            });
        }
        OutputFlags.both(
                () -> reproduction.write(folder), () -> terminal.results(text(reproduction, format), format));
        terminal.err().println("wrote " + folder.resolve(Reproduction.PAGE));
    }

    private static String text(Reproduction reproduction, OutputFormat format) {
        Table claims = reproduction.claims();
        return switch (format) {
            case JSON, CSV -> TableWriter.write(claims, format);
            case TABLE -> wrapped(reproduction.answer())
                    + TableWriter.write(claims.select("claim", "verdict", "claimed", "simulated", "bound"), format)
                    + "\n" + TableWriter.write(claims.select("claim", "assumptions"), format)
                    + lines(reproduction.notes(), "\n") + lines(List.of(OTHERS), "\n");
            case MD -> String.join(" ", reproduction.answer()) + "\n\n" + TableWriter.write(
                    claims.select("claim", "claimed", "simulated", "assumptions", "bound", "verdict"), format)
                    + lines(reproduction.notes(), "\n- ");
        };
    }

    private static String wrapped(List<String> sentences) {
        StringBuilder text = new StringBuilder();
        HelpText.wrapped(text, String.join(" ", sentences), 0);
        return text.append('\n').toString();
    }

    private static String lines(List<String> lines, String start) {
        return lines.stream().collect(Collectors.joining(start, start, "\n"));
    }
}
