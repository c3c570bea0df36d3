package io.maseparation.parallel.cli;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Short commands, one after the other in one process that prints nothing. {@code ./ma} has the JVM note once which
 * classes they load, for the archive that later processes start with.
 */
final class Rehearsal {
    private static final List<List<String>> LINES = List.of(
            List.of("--version"),
            List.of("help"),
            List.of("help", "generate"),
            List.of("generate", "-m", "tiny", "--prompt-ids", "1,2,3", "-n", "4"),
            List.of("generate", "-m", "tiny", "--prompt-ids", "1,2", "--prompt-ids", "3", "-n", "4", "--strategy", "ma",
                    "--attention-devices", "2", "--expert-devices", "1", "--micro-batches", "2", "--format", "json"),
            List.of("simulate", "-m", "tiny"),
            List.of("devices"));

    private Rehearsal() {}

    /**
     * Runs them and ends the JVM: with the exit status of the first that fails.
     *
     * @param args none
     */
    public static void main(String[] args) {
        int status = 0;
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        for (List<String> line : LINES) {
            // As Main begins.
            MpiFlags.silentRank(line);
            status = status == 0 ? Main.run(line.toArray(String[]::new), nowhere, nowhere) : status;
        }
        System.exit(status);
    }

    /** The commands. */
    static List<List<String>> lines() {
        return LINES;
    }
}
