package io.maseparation.parallel.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * One run of the command line.
 *
 * @param status exit status
 * @param out standard output
 * @param err standard error, without what the JVM itself says there
 */
record CommandLineRun(int status, String out, String err) {
    private static final long SECONDS = 120;

    /** In this JVM. */
    static CommandLineRun of(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int status = Main.run(args, new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8));
        return new CommandLineRun(status, out.toString(UTF_8), err.toString(UTF_8));
    }

    /** In a JVM of its own, as a user's. */
    static CommandLineRun process(List<String> jvmOptions, String... args) {
        try {
            Path out = Files.createTempFile("ma", ".out");
            Path err = Files.createTempFile("ma", ".err");
            try {
                List<String> command = new ArrayList<>();
                command.add(ProcessHandle.current().info().command().orElseThrow());
                command.addAll(jvmOptions);
                command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
                command.addAll(List.of(args));
                ProcessBuilder builder = new ProcessBuilder(command);
                builder.redirectOutput(out.toFile());
                builder.redirectError(err.toFile());
                Process process = builder.start();
                if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                    throw new IllegalStateException("no end after " + SECONDS + " s: " + String.join(" ", args));
                }
                String errors = Files.readString(err).replaceAll("(?m)^WARNING: Using incubator modules.*\\R", "");
                return new CommandLineRun(process.exitValue(), Files.readString(out), errors);
            } finally {
                Files.delete(out);
                Files.delete(err);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** The arguments of a line with spaces between them. */
    static String[] words(String line) {
        return HelpText.words(line).stream().map(w -> w.replace("\"", "")).toArray(String[]::new);
    }
}
