package io.maseparation.parallel.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Ctrl-C in the midst of {@code generate}, in a process of its own. */
@Timeout(120)
class InterruptTest {
    /** What a JVM ends with after SIGINT. */
    private static final int INTERRUPTED = 130;

    @TempDir
    Path temp;

    private Process generate() throws Exception {
        String classPath = System.getProperty("java.class.path");
        String main = Main.class.getName().replace('.', '/') + ".class";
        assumeTrue(
                Pattern.compile(File.pathSeparator, Pattern.LITERAL).splitAsStream(classPath)
                        .anyMatch(p -> Files.exists(Path.of(p, main))),
                "the class path is not that of the command line");
        ProcessBuilder builder = new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(), "--add-modules", "jdk.incubator.vector", "-cp",
                classPath, Main.class.getName(), "generate", "-m", "small", "--prompt-ids", "1,2,3", "-n", "1900",
                "--ignore-eos");
        return builder.redirectError(temp.resolve("err").toFile()).start();
    }

    private static void interrupt(Process process) throws Exception {
        assertThat(new ProcessBuilder("kill", "-INT", String.valueOf(process.pid())).start().waitFor()).isZero();
    }

    @Test
    void whatCameIsPrintedAndWasThereBefore() throws Exception {
        Process process = generate();
        InputStream out = process.getInputStream();
        // The first tokens come through the pipe while it goes on.
        byte[] first = out.readNBytes("sequence 0, 3 prompt tokens:\n1 2 3".length());
        interrupt(process);
        String all = new String(first, UTF_8) + new String(out.readAllBytes(), UTF_8);
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(temp.resolve("err"))).isEqualTo(INTERRUPTED);
        assertThat(all).matches("(?s)sequence 0, 3 prompt tokens:\\n[\\d ]+\\n\\(\\d{1,4} generated\\)\\n.*TPOT.*");
    }
}
