package io.maseparation.parallel.cli;

import io.maseparation.parallel.report.OutputFormat;
import java.util.List;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;

/** {@code --format}, and the options that every command has. */
final class OutputFlags {
    static final String HELP = "help";
    static final String VERBOSE = "verbose";
    private static final String FORMAT = "format";

    private OutputFlags() {}

    static void add(Options options) {
        options.addOption(Option.builder().longOpt(FORMAT).hasArg().argName("NAME")
                .desc("table, json, csv or md [table]").get());
        addCommon(options);
    }

    static void addCommon(Options options) {
        options.addOption(Option.builder().longOpt(VERBOSE).desc("print stack traces of failures").get());
        options.addOption(Option.builder("h").longOpt(HELP).desc("print this").get());
    }

    static OutputFormat format(Arguments arguments) {
        return arguments.choice(FORMAT, OutputFormat.TABLE, List.of(OutputFormat.values()), OutputFormat::id);
    }
}
