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
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;

/** {@code ma reproduce}: the paper's evaluation, simulated. */
final class ReproduceCommand implements Command {
    private static final String OUTPUT = "output";
    private static final String DEFAULT_OUTPUT = "ma-reproduction";
    private static final String CLUSTER = "cluster";
    private static final String DEFAULT_CLUSTER = "a100x16";
    private static final String QUICK = "quick";
    private static final String SEED = "seed";

    @Override
    public String name() {
        return "reproduce";
    }

    @Override
    public String summary() {
        return "hold the paper's numbers against simulations and bounds, and map where separation pays";
    }

    @Override
    public Options options() {
        Options options = new Options();
        options.addOption(Option.builder("o").longOpt(OUTPUT).hasArg().argName("DIR")
                .desc("folder of the report: %s and the CSV behind each chart [%s]"
                        .formatted(Reproduction.PAGE, DEFAULT_OUTPUT))
                .get());
        options.addOption(Option.builder().longOpt(CLUSTER).hasArg().argName("NAME|FILE")
                .desc("devices to simulate, repeated or cut to the paper's 16: %s, or a JSON file [%s]"
                        .formatted(String.join(", ", Clusters.names()), DEFAULT_CLUSTER))
                .get());
        options.addOption(Option.builder().longOpt(QUICK)
                .desc("few points: seconds instead of minutes, and the same table of claims").get());
        options.addOption(Option.builder("s").longOpt(SEED).hasArg().argName("N")
                .desc("seed of the routing [0]").get());
        OutputFlags.add(options);
        return options;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("reproduce", "the whole evaluation: a table, and a report in " + DEFAULT_OUTPUT),
                new Example("reproduce --quick -o report --format md", "the table as Markdown, with a coarse report"));
    }

    @Override
    public List<String> notes() {
        return List.of(
                "Everything is simulated. The whole evaluation takes about a minute on two cores, --quick some seconds.");
    }

    @Override
    public void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        Path folder = OutputFlags.folder(OUTPUT, arguments.text(OUTPUT).orElse(DEFAULT_OUTPUT));
        Settings settings = new Settings(
                Clusters.named(arguments.text(CLUSTER).orElse(DEFAULT_CLUSTER)), arguments.has(QUICK),
                arguments.seed(SEED),
                Runtime.getRuntime().availableProcessors());
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
        reproduction.write(folder);
        terminal.out().print(text(reproduction, format));
        terminal.err().println("wrote " + folder.resolve(Reproduction.PAGE));
    }

    private static String text(Reproduction reproduction, OutputFormat format) {
        Table claims = reproduction.claims();
        return switch (format) {
            case JSON, CSV -> TableWriter.write(claims, format);
            case TABLE -> TableWriter.write(claims.select("claim", "claimed", "simulated", "bound", "verdict"), format)
                    + "\n" + TableWriter.write(claims.select("claim", "assumptions"), format)
                    + lines(reproduction.notes(), "\n");
            case MD -> TableWriter.write(
                    claims.select("claim", "claimed", "simulated", "assumptions", "bound", "verdict"), format)
                    + lines(reproduction.notes(), "\n- ");
        };
    }

    private static String lines(List<String> lines, String start) {
        return lines.stream().collect(Collectors.joining(start, start, "\n"));
    }
}
