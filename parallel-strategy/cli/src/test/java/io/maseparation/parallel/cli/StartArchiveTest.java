package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The archive of classes that {@code ./ma} starts with: made by this JDK for a program in the place of the command line
 * that says which version of it runs, and where its class comes from if asked for.
 */
class StartArchiveTest {
    private static final Path PROJECT = Path.of("..", "..").toAbsolutePath().normalize();
    private static final Path JDK = Path.of(System.getProperty("java.home"));
    private static final int TIMEOUT_S = 120;

    @TempDir
    static Path shared;

    /** A package that has started once. */
    private static Path made;

    @TempDir
    Path temp;

    @BeforeAll
    static void startOnce() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "needs a POSIX shell");
        assumeTrue(ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()
                && Files.exists(JDK.resolve("release")), "needs a whole JDK");
        made = layOut(shared.resolve("made"), "first");
        assertThat(ma(made, "")).isEqualTo(new CommandLineRun(0, "first []\n", ""));
        assertThat(archives(made)).hasSize(1);
    }

    /** A package whose program says which version it is. */
    private static Path layOut(Path folder, String version) throws IOException {
        Files.createDirectories(folder.resolve("app/lib"));
        Files.copy(PROJECT.resolve("ma"), folder.resolve("ma"));
        Files.writeString(folder.resolve("app/built-for"), "embedded\n");
        program(folder, version);
        return folder;
    }

    private static void program(Path folder, String version) throws IOException {
        Path sources = Files.createTempDirectory(shared, "sources");
        Path classes = Files.createTempDirectory(shared, "classes");
        String form = """
                package %s;
                class %s {
                    public static void main(String[] args) {
                        %s;
                    }
                }
                """;
        String in = Main.class.getPackageName();
        List<Path> files = List.of(
                write(sources.resolve("Main.java"), form.formatted(in, "Main",
                        "System.out.println(Version.TEXT + \" \" + java.util.List.of(args))")),
                write(sources.resolve("Rehearsal.java"), form.formatted(in, "Rehearsal", "Main.main(args)")),
                write(sources.resolve("Version.java"), """
                        package %s;
                        class Version {
                            static final String TEXT = String.valueOf("%s");
                        }
                        """.formatted(in, version)));
        List<String> compiled = new ArrayList<>(List.of("-d", classes.toString()));
        files.forEach(file -> compiled.add(file.toString()));
        int status = ToolProvider.getSystemJavaCompiler().run(null, null, null, compiled.toArray(String[]::new));
        assertThat(status).isZero();
        // As of the command line: what it needs is in a jar beside it that its manifest names.
        String folders = in.replace('.', '/') + "/";
        jar(folder.resolve("app/lib/version.jar"), "", classes, List.of(folders + "Version.class"));
        jar(folder.resolve("app/ma.jar"), "lib/version.jar", classes,
                List.of(folders + "Main.class", folders + "Rehearsal.class"));
    }

    private static Path write(Path file, String text) {
        try {
            return Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void jar(Path file, String classPath, Path classes, List<String> names) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        if (!classPath.isEmpty()) {
            manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, classPath);
        }
        try (OutputStream out = Files.newOutputStream(file); JarOutputStream jar = new JarOutputStream(out, manifest)) {
            for (String name : names) {
                jar.putNextEntry(new JarEntry(name));
                jar.write(Files.readAllBytes(classes.resolve(name)));
            }
        }
    }

    private static List<Path> archives(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(f -> f.getFileName().toString().equals("classes")).toList();
        }
    }

    private static Process start(Path folder, Path out, Path err, String options, String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of("/bin/sh", folder.resolve("ma").toString()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command);
        Map<String, String> environment = builder.environment();
        environment.keySet().removeAll(
                List.of("TORNADOVM_HOME", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"));
        environment.put("MA_JAVA_HOME", JDK.toString());
        environment.put("MA_JAVA_OPTS", options);
        return builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
    }

    private static CommandLineRun ended(Process process, Path out, Path err) throws IOException, InterruptedException {
        if (!process.waitFor(TIMEOUT_S, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("no end after " + TIMEOUT_S + " s");
        }
        String errors = Files.readString(err).replaceAll("(?m)^WARNING: Using incubator modules.*\\R", "");
        return new CommandLineRun(process.exitValue(), Files.readString(out), errors);
    }

    private static CommandLineRun ma(Path folder, String options, String... args) throws Exception {
        Path out = Files.createTempFile(shared, "process", ".out");
        Path err = Files.createTempFile(shared, "process", ".err");
        return ended(start(folder, out, err, options, args), out, err);
    }

    /** Where the JVM has the program's classes from. */
    private static List<String> sources(Path folder) throws Exception {
        return ma(folder, "-Xlog:class+load").out().lines()
                .filter(line -> line.contains(Main.class.getPackageName()))
                .map(line -> line.replaceFirst(".* source: ", ""))
                .toList();
    }

    private static Path copy(Path to) throws IOException {
        try (Stream<Path> files = Files.walk(made)) {
            for (Path file : files.toList()) {
                Path copy = to.resolve(made.relativize(file).toString());
                Files.copy(file, copy, StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
        return to;
    }

    @Test
    void classesComeFromTheArchive() throws Exception {
        assertThat(sources(made)).hasSize(2).allMatch(source -> source.startsWith("shared objects file"));
        assertThat(ma(made, "", "a", "b c")).isEqualTo(new CommandLineRun(0, "first [a, b c]\n", ""));
    }

    @Test
    void alsoWhereTheFolderWasMovedTo() throws Exception {
        Path moved = copy(Files.createDirectory(temp.resolve("another place")).resolve("moved"));
        assertThat(sources(moved)).hasSize(2).allMatch(source -> source.startsWith("shared objects file"));
    }

    private Path changed(String... newer) throws Exception {
        Path changed = copy(temp.resolve("changed"));
        Path other = layOut(temp.resolve("other"), "other");
        for (String name : newer) {
            Path file = changed.resolve("app").resolve(name);
            Files.copy(other.resolve("app").resolve(name), file, StandardCopyOption.REPLACE_EXISTING);
            // The JVM compares seconds.
            Files.setLastModifiedTime(file, FileTime.fromMillis(System.currentTimeMillis() + 5000));
        }
        return changed;
    }

    @Test
    void neverOldClassesForANewLibrary() throws Exception {
        assertThat(ma(changed("lib/version.jar"), "")).isEqualTo(new CommandLineRun(0, "other []\n", ""));
    }

    /** Such as all files have that were copied without their times. */
    @Test
    void madeAgainForAJarOfAnotherTime() throws Exception {
        Path changed = changed("lib/version.jar", "ma.jar");
        assertThat(ma(changed, "")).isEqualTo(new CommandLineRun(0, "other []\n", ""));
        assertThat(sources(changed)).hasSize(2).allMatch(source -> source.startsWith("shared objects file"));
    }

    static Stream<String> options() {
        return Stream.of("-XX:+UseSerialGC", "-XX:+UseZGC", "-XX:-UseCompressedOops", "-Xshare:off", "-XX:AOTMode=off",
                "--add-modules java.sql", "--add-opens java.base/java.lang=ALL-UNNAMED");
    }

    @ParameterizedTest
    @MethodSource("options")
    void optionsThatItWasNotMadeFor(String options) throws Exception {
        assertThat(ma(made, options)).isEqualTo(new CommandLineRun(0, "first []\n", ""));
    }

    @Test
    void whereNothingCanBeWrittenThereIsNoneAndNoWord() throws Exception {
        Path folder = layOut(temp.resolve("closed"), "closed");
        // For root, too.
        Files.writeString(folder.resolve("app/start"), "");

        assertThat(ma(folder, "")).isEqualTo(new CommandLineRun(0, "closed []\n", ""));
        assertThat(archives(folder)).isEmpty();
    }

    /** Cut to a length, with the time of one that is whole. */
    @ParameterizedTest
    @ValueSource(doubles = {0, 0.001, 0.5})
    void oneThatIsBrokenIsLeftAlone(double share) throws Exception {
        Path folder = copy(temp.resolve("broken"));
        Path archive = archives(folder).getFirst();
        FileTime time = Files.getLastModifiedTime(archive);
        byte[] whole = Files.readAllBytes(archive);
        Files.write(archive, Arrays.copyOf(whole, (int) (share * whole.length)));
        Files.setLastModifiedTime(archive, time);

        assertThat(ma(folder, "")).isEqualTo(new CommandLineRun(0, "first []\n", ""));
        assertThat(Files.size(archive)).isLessThan(whole.length);
    }

    @Test
    @Tag("long")
    void processesThatStartAtOnceMakeOne() throws Exception {
        Path folder = layOut(temp.resolve("two"), "two");
        List<Path> files = new ArrayList<>();
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            files.add(Files.createTempFile(shared, "process", ".out"));
            files.add(Files.createTempFile(shared, "process", ".err"));
            processes.add(start(folder, files.get(2 * i), files.get(2 * i + 1), ""));
        }
        for (int i = 0; i < 2; i++) {
            assertThat(ended(processes.get(i), files.get(2 * i), files.get(2 * i + 1)))
                    .isEqualTo(new CommandLineRun(0, "two []\n", ""));
        }
        assertThat(archives(folder)).hasSize(1);
    }

    /** What later processes load is in the archive as far as these commands get. */
    @Test
    void whatIsRehearsedWorks() {
        for (List<String> line : Rehearsal.lines()) {
            CommandLineRun run = CommandLineRun.of(line.toArray(String[]::new));
            assertThat(run.status()).as("%s: %s", line, run.err()).isZero();
        }
    }
}
