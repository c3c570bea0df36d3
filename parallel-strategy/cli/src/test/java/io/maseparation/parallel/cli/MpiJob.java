package io.maseparation.parallel.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The command line as the processes of a job that {@code mpirun} starts. */
final class MpiJob implements AutoCloseable {
    /** What several JVMs can do on two cores. */
    private static final List<String> JVM = List.of("--enable-native-access=ALL-UNNAMED", "-Xmx400m",
            "-XX:MaxDirectMemorySize=1g", "-XX:+UseSerialGC");
    /** Without the compiler that takes the longest. */
    private static final List<String> QUICK = List.of("-XX:TieredStopAtLevel=1");
    /** With the bodies that need it. */
    private static final List<String> VECTORS = List.of("--add-modules", "jdk.incubator.vector");
    private static final long SECONDS = 240;

    private final Process process;
    private final Path out;
    private final Path err;
    private final Path folder;

    private MpiJob(Process process, Path out, Path err, Path folder) {
        this.process = process;
        this.out = out;
        this.err = err;
        this.folder = folder;
    }

    /** Whether this machine has Open MPI's launcher. */
    static boolean launcherIsThere() {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(":", -1))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, "mpirun")));
    }

    /** The command line in a JVM of its own, with portable bodies. */
    static List<String> java(List<String> args) {
        return java(QUICK, args);
    }

    /** The same with host bodies. */
    static List<String> javaWithVectors(List<String> args) {
        return java(VECTORS, args);
    }

    private static List<String> java(List<String> options, List<String> args) {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElseThrow());
        command.addAll(JVM);
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(args);
        return command;
    }

    /** Starts as many processes of one command line. */
    static MpiJob start(Path folder, int processes, List<String> args) throws IOException {
        List<String> command = new ArrayList<>(List.of("-n", String.valueOf(processes)));
        command.addAll(java(args));
        return start(folder, command);
    }

    /** The same with host bodies. */
    static MpiJob startWithVectors(Path folder, int processes, List<String> args) throws IOException {
        List<String> command = new ArrayList<>(List.of("-n", String.valueOf(processes)));
        command.addAll(javaWithVectors(args));
        return start(folder, command);
    }

    /** Starts what follows mpirun and its options on a command line. */
    static MpiJob start(Path folder, List<String> what) throws IOException {
        List<String> command = new ArrayList<>(List.of("mpirun", "--oversubscribe"));
        command.addAll(what);
        return startCommand(folder, command);
    }

    /** Starts a command line that starts mpirun. */
    static MpiJob startCommand(Path folder, List<String> command) throws IOException {
        Path out = Files.createTempFile(folder, "mpi", ".out");
        Path err = Files.createTempFile(folder, "mpi", ".err");
        ProcessBuilder builder = new ProcessBuilder(command);
        // Containers build as root.
        builder.environment().put("OMPI_ALLOW_RUN_AS_ROOT", "1");
        builder.environment().put("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        // It puts sockets there, whose paths may not be long.
        builder.environment().put("TMPDIR", "/tmp");
        Path own = Files.createTempDirectory(folder, "mpi");
        builder.directory(own.toFile()).redirectOutput(out.toFile()).redirectError(err.toFile());
        return new MpiJob(builder.start(), out, err, own);
    }

    /** Waits for the end. */
    CommandLineRun end() throws IOException, InterruptedException {
        if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException("no end after %d s: %s".formatted(SECONDS, err()));
        }
        return new CommandLineRun(process.exitValue(), Files.readString(out), err());
    }

    boolean isAlive() {
        return process.isAlive();
    }

    long pid() {
        return process.pid();
    }

    /** The folder that its processes started in. */
    Path folder() {
        return folder;
    }

    String out() throws IOException {
        return Files.readString(out);
    }

    /** Standard error of all processes, without what JVMs say themselves. */
    String err() throws IOException {
        return Files.readString(err).replaceAll("(?m)^WARNING: Using incubator modules.*\\R", "");
    }

    /** What this program complains of on standard error; mpirun's lines are left out. */
    List<String> complaints() throws IOException {
        return err().lines()
                .filter(line -> line.matches("(\\[rank \\d+] )?ma: .*") && !line.contains("ma: slow kernels"))
                .toList();
    }

    /** The processes that are there, by rank. */
    Map<Integer, ProcessHandle> ranks() {
        Map<Integer, ProcessHandle> ranks = new TreeMap<>();
        process.descendants().forEach(child -> rank(child).ifPresent(rank -> ranks.put(rank, child)));
        return ranks;
    }

    private static OptionalInt rank(ProcessHandle process) {
        try {
            byte[] environment = Files.readAllBytes(Path.of("/proc", String.valueOf(process.pid()), "environ"));
            return Stream.of(new String(environment, StandardCharsets.UTF_8).split("\0", -1))
                    .filter(variable -> variable.startsWith("OMPI_COMM_WORLD_RANK="))
                    .mapToInt(variable -> Integer.parseInt(variable.substring(variable.indexOf('=') + 1)))
                    .findFirst();
        } catch (IOException e) {
            // It has ended.
            return OptionalInt.empty();
        }
    }

    /** Whether a process is there, and not only its number until somebody takes notice of its end. */
    static boolean runs(ProcessHandle process) {
        try {
            return process.isAlive()
                    && !Files.readString(Path.of("/proc", String.valueOf(process.pid()), "stat"))
                            .matches("(?s).*\\) Z .*");
        } catch (IOException e) {
            return false;
        }
    }

    /** Bytes of memory that a process has taken. */
    static long resident(ProcessHandle process) throws IOException {
        return Files.readAllLines(Path.of("/proc", String.valueOf(process.pid()), "status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }

    /** Something that becomes true. */
    interface Condition {
        boolean holds() throws IOException;
    }

    /** Waits until something holds; whether it does. */
    static boolean await(Duration most, Condition what) throws IOException, InterruptedException {
        long until = System.nanoTime() + most.toNanos();
        while (!what.holds()) {
            if (System.nanoTime() > until) {
                return false;
            }
            Thread.sleep(10);
        }
        return true;
    }

    static void signal(String name, long pid) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + name, String.valueOf(pid)).start().waitFor();
    }

    /** Leaves nothing behind, whatever became of the test. */
    @Override
    public void close() {
        List<ProcessHandle> all = process.descendants().toList();
        process.destroyForcibly();
        all.forEach(ProcessHandle::destroyForcibly);
        process.onExit().join();
    }
}
