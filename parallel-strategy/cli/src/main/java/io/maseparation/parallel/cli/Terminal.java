package io.maseparation.parallel.cli;

import io.maseparation.parallel.present.OutputFormat;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;

/**
 * Where a command writes.
 *
 * @param out results
 * @param err everything else
 * @param progress whether somebody is watching err, so that progress may be drawn there
 * @param linesEvery how often long work writes a line there otherwise
 */
record Terminal(PrintStream out, PrintStream err, boolean progress, Duration linesEvery) {
    private static final Duration USUAL = Duration.ofSeconds(10);
    private static final Duration NEVER = Duration.ofDays(365);

    private static final Path STANDARD_ERROR = Path.of("/proc/self/fd/2");

    /** Streams of a caller's own get results and complaints only. */
    static Terminal of(PrintStream out, PrintStream err) {
        boolean standard = err.equals(System.err);
        return new Terminal(out, err, standard && errorIsTerminal(), standard ? USUAL : NEVER);
    }

    /** Java only says whether standard input and output are both a terminal; Linux says it for each. */
    private static boolean errorIsTerminal() {
        if (Files.isSymbolicLink(STANDARD_ERROR)) {
            try {
                String target = Files.readSymbolicLink(STANDARD_ERROR).toString();
                return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty")
                        || target.equals("/dev/console");
            } catch (IOException e) {
                return false;
            }
        }
        return Objects.requireNonNull(System.console(), "there is one since JDK 22").isTerminal();
    }

    /** One that shows nothing, for what somebody else says. */
    static Terminal silent() {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        return new Terminal(nowhere, nowhere, false, NEVER);
    }

    /** The same without progress, for what prints its results as they come. */
    Terminal quiet() {
        return new Terminal(out, err, false, NEVER);
    }

    /** Prints results; for people, sentences are broken where the terminal ends. */
    void results(String text, OutputFormat format) {
        out.print(format == OutputFormat.TABLE ? HelpText.fitted(text) : text);
    }

    /** Starts a progress bar, drawn if somebody is watching. */
    Progress progress(String task, long most) {
        return new Progress(this, task, most);
    }
}
