package io.maseparation.parallel.cli;

import io.maseparation.files.WholeFile;
import io.maseparation.parallel.present.OutputFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** {@code --format}, and the options that every command has. */
final class OutputFlags {
    static final String HELP = "help";
    static final String VERBOSE = "verbose";
    static final String FORMAT = "format";

    private OutputFlags() {}

    static void add(OptionList options) {
        options.value(FORMAT, "NAME", "table, json, csv or md [table]");
    }

    /** What every command has. */
    static void addCommon(OptionList options) {
        options.flag(VERBOSE, "print stack traces of failures");
        options.flag("h", HELP, "print this");
    }

    static OutputFormat format(Arguments arguments) {
        return arguments.choice(FORMAT, OutputFormat.TABLE, List.of(OutputFormat.values()), OutputFormat::id);
    }

    /**
     * The file that an option names, if it was given; complains before minutes of work rather than after them.
     *
     * @throws UsageException if it cannot be a file
     * @throws java.io.UncheckedIOException if it cannot be written
     */
    static Optional<Path> file(Arguments arguments, String option) {
        Optional<Path> file = arguments.path(option);
        file.ifPresent(f -> {
            Path folder = f.toAbsolutePath().getParent();
            if (Files.isDirectory(f) || folder == null || !Files.isDirectory(folder)) {
                throw new UsageException("--%s %s is a folder, or its folder does not exist".formatted(option, f));
            }
            WholeFile.check(f);
        });
        return file;
    }

    /**
     * Writes files and prints results; these also where those cannot be written after all, so that no work is lost.
     *
     * @param writing writes the files
     * @param printing prints the results
     */
    static void both(Runnable writing, Runnable printing) {
        try {
            writing.run();
        } finally {
            printing.run();
        }
    }

    /**
     * The folder that an option names; complains before minutes of work rather than after them.
     *
     * @param files names of the files that will be there
     * @throws UsageException if it cannot be a folder
     * @throws java.io.UncheckedIOException if nothing can be written there
     */
    static Path folder(String option, Path folder, Collection<String> files) {
        Path existing = folder.toAbsolutePath();
        while (existing != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (existing != null && !Files.isDirectory(existing)) {
            throw new UsageException(existing.equals(folder.toAbsolutePath())
                    ? "--%s %s is a file; name a folder".formatted(option, folder)
                    : "--%s %s: %s is a file, not a folder".formatted(option, folder, existing));
        }
        files.forEach(file -> WholeFile.check(folder.resolve(file)));
        return folder;
    }
}
