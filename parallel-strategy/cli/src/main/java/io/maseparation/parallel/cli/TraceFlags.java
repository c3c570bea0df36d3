package io.maseparation.parallel.cli;

import io.maseparation.files.WholeFile;
import io.maseparation.parallel.layout.Batching;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.timeline.TraceFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** {@code --trace}: a file with what ran when. */
final class TraceFlags {
    static final String TRACE = "trace";

    private TraceFlags() {}

    static void add(OptionList options) {
        options.value(TRACE, "FILE",
                "write what every rank did when to this file, for ui.perfetto.dev or chrome://tracing");
    }

    /**
     * The file, if one was asked for.
     *
     * @throws UsageException if it is a folder
     * @throws java.io.UncheckedIOException if it cannot be written
     */
    static Optional<Path> file(Arguments arguments) {
        Optional<Path> file = arguments.path(TRACE);
        file.filter(Files::isDirectory).ifPresent(folder -> {
            throw new UsageException("--%s: %s is a folder; name a file, such as %s"
                    .formatted(TRACE, folder, folder.resolve("trace.json")));
        });
        file.ifPresent(WholeFile::check);
        return file;
    }

    /** A measured run as a part of a trace; says so where the timeline is cut. */
    static TraceFile.Run measured(RunResult result, Batching batching, Terminal terminal) {
        String name = batching.after(result.layout()) + ", measured";
        if (result.timeline().leftOut() > 0) {
            terminal.err().println("ma: the trace of %s lacks its last %d events; fewer tokens make it whole"
                    .formatted(name, result.timeline().leftOut()));
        }
        return new TraceFile.Run(
                name, result.ranks().stream().map(r -> r.role().id()).toList(), result.timeline().events());
    }
}
