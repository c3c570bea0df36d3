package io.maseparation.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What an application sees that is a process of its own: its memory, its log, and its class path. */
@Timeout(200)
class ApplicationTest {
    private static final List<String> FAST = List.of(
            "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED");

    @TempDir
    Path temp;

    private record Ended(int status, String text) {}

    private Ended run(List<String> options, String classPath, int cycles) throws IOException, InterruptedException {
        Path out = temp.resolve("out");
        List<String> command = new ArrayList<>(List.of(ProcessHandle.current().info().command().orElseThrow()));
        command.addAll(options);
        Collections.addAll(command, "-cp", classPath, OpenAndClose.class.getName(), Integer.toString(cycles));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("MALLOC_ARENA_MAX", "1");
        Process process = builder.redirectErrorStream(true).redirectOutput(out.toFile()).start();
        try {
            assertThat(process.waitFor(180, TimeUnit.SECONDS)).as("ends").isTrue();
        } finally {
            process.destroyForcibly();
        }
        return new Ended(process.exitValue(), Files.readString(out));
    }

    private static String classPath() {
        return System.getProperty("java.class.path");
    }

    @Test
    @Tag("long")
    @EnabledOnOs(OS.LINUX)
    void openingAndClosingAHundredTimesTakesNoMoreMemoryThanATime() throws Exception {
        List<String> options = new ArrayList<>(FAST);
        // The whole heap from the start, so that what is left over beside it shows.
        Collections.addAll(options, "-Xms128m", "-Xmx128m", "-XX:MaxDirectMemorySize=8g", "-XX:+AlwaysPreTouch",
                "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");
        Ended ended = run(options, classPath(), 100);
        assertThat(ended.status()).as(ended.text()).isZero();
        List<long[]> cycles = ended.text().lines()
                .filter(line -> line.matches("\\d+ \\d+"))
                .map(line -> Arrays.stream(line.split(" ", -1)).mapToLong(Long::parseLong).toArray())
                .toList();
        assertThat(cycles).hasSize(100);
        // Of what is not on the heap nothing is left over or waits for the collector but the working memory of threads;
        // weights and caches of a cycle are megabytes.
        assertThat(cycles).as(ended.text()).allMatch(cycle -> cycle[1] < 1024);
        // By the tenth all classes are loaded.
        assertThat(cycles.getLast()[0]).as("KiB after each: %s", ended.text())
                .isLessThanOrEqualTo(cycles.get(9)[0] * 11 / 10);
    }

    @Test
    void slowKernelsAreMentionedOnceAProcess() throws Exception {
        Ended slow = run(List.of("--enable-native-access=ALL-UNNAMED"), classPath(), 3);
        assertThat(slow.status()).as(slow.text()).isZero();
        assertThat(slow.text().lines().filter(line -> line.contains("slow kernels: "))).singleElement().asString()
                .contains("--add-modules jdk.incubator.vector");
        assertThat(run(FAST, classPath(), 1).text()).doesNotContain("slow kernels");
    }

    @Test
    void tornadoVmBesideTornadoEmbeddedIsNamed() throws Exception {
        Path other = temp.resolve("tornado-api-9.jar");
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(other))) {
            jar.putNextEntry(new JarEntry("uk/ac/manchester/tornado/api/TornadoExecutionPlan.class"));
        }
        Ended ended = run(FAST, classPath() + File.pathSeparator + other, 1);
        assertThat(ended.status()).isEqualTo(1);
        assertThat(ended.text().lines().filter(line -> line.contains("ModelException: ")).findFirst()).get().asString()
                .contains("tornado-embedded (", "TornadoVM's own API (" + other + ") are both on the class path");
    }
}
