package io.maseparation.parallel.cli;

import io.maseparation.parallel.present.OutputFormat;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
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

    /**
     * The file that an option names, if it was given; complains before minutes of work rather than after them.
     *
     * @throws UsageException if it cannot be a file
     */
    static Optional<Path> file(Arguments arguments, String option) {
        Optional<String> given = arguments.text(option);
        try {
            Optional<Path> file = given.map(Path::of);
            if (file.isPresent()) {
                Path folder = file.get().toAbsolutePath().getParent();
                if (Files.isDirectory(file.get()) || folder == null || !Files.isDirectory(folder)) {
                    throw new UsageException(
                            "--%s %s: it is a folder, or in none that exists".formatted(option, file.get()));
                }
            }
            return file;
        } catch (InvalidPathException e) {
            throw new UsageException("--%s: '%s' is not a file name".formatted(option, given.orElseThrow()));
        }
    }

    /**
     * The folder that an option names; complains before minutes of work rather than after them.
     *
     * @throws UsageException if it cannot be a folder, or nothing can be written there
     */
    static Path folder(String option, String name) {
        Path folder;
        try {
            folder = Path.of(name);
        } catch (InvalidPathException e) {
            throw new UsageException("--%s: '%s' is no name of a folder".formatted(option, name));
        }
        // Found out before minutes of work, not after.
        Path existing = folder.toAbsolutePath();
        while (existing != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (existing != null && !Files.isDirectory(existing)) {
            throw new UsageException(existing.equals(folder.toAbsolutePath())
                    ? "--%s %s is a file; name a folder".formatted(option, name)
                    : "--%s %s: %s is a file, not a folder".formatted(option, name, existing));
        }
        if (existing != null && !Files.isWritable(existing)) {
            throw new UsageException("--%s %s: no permission to write to %s".formatted(option, name, existing));
        }
        return folder;
    }
}
