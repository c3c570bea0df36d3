package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What {@code ./ma} starts on an SDK, and what it says where it cannot. The SDK is a folder with the names that matter,
 * the project's build one that looks finished, and the JDK prints how it was called.
 */
class LauncherTest {
    private static final Path PROJECT = Path.of("..", "..").toAbsolutePath().normalize();
    private static final int TIMEOUT_S = 60;

    private static final String ARGUMENTS =
            """
                    -server
                    -Djava.library.path=HOME/lib
                    --module-path .:HOME/share/java/tornado
                    --add-modules ALL-SYSTEM,tornado.runtime,tornado.drivers.common,tornado.drivers.opencl,tornado.drivers.ptx,tornado.drivers.cuda,tornado.cublas,tornado.cudnn
                    --enable-native-access=tornado.drivers.opencl,tornado.drivers.ptx
                    --add-reads=tornado.runtime=jdk.graal.compiler
                    --add-exports=jdk.graal.compiler/jdk.graal.compiler.lir=tornado.runtime,tornado.drivers.common
                    --add-reads=tornado.drivers.opencl=jdk.graal.compiler
                    --add-exports=jdk.graal.compiler/jdk.graal.compiler.lir=tornado.drivers.opencl
                    --add-exports=jdk.graal.compiler/jdk.graal.compiler.lir=tornado.drivers.ptx
                    --add-reads=tornado.drivers.cuda=jdk.graal.compiler
                    --add-opens=jdk.graal.compiler/jdk.graal.compiler.lir=tornado.drivers.cuda
                    """;

    /** Symbolic links in it lead outside. */
    @TempDir(cleanup = CleanupMode.NEVER)
    static Path shared;

    private final Map<String, String> environment = new TreeMap<>();
    private Path temp;
    private Path sdk;
    private Path root;

    @BeforeEach
    void layOut() throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "needs a POSIX shell");
        temp = Files.createTempDirectory(shared, "run");
        sdk = temp.resolve("sdk");
        root = temp.resolve("project");
        sdk("5.2.0-jdk25", "opencl", "ptx", "cuda");
        write(root.resolve("ma"), Files.readString(PROJECT.resolve("ma")));
        write(
                root.resolve("config/tornadovm-arguments"),
                Files.readString(PROJECT.resolve("config/tornadovm-arguments")));
        Path jdk = temp.resolve("jdk");
        write(jdk.resolve("release"), "JAVA_VERSION=\"25.0.1\"\n");
        write(jdk.resolve("bin/java"), "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").toFile().setExecutable(true);
        environment.put("MA_JAVA_HOME", jdk.toString());
        environment.put("TORNADOVM_HOME", sdk.toString());
        // An OpenCL with a platform, and the driver of an NVIDIA GPU nowhere.
        write(temp.resolve("lib/libOpenCL.so.1"), "");
        write(temp.resolve("vendors/some.icd"), write(temp.resolve("lib/libsome.so"), "").toString());
        environment.put("LD_LIBRARY_PATH", temp.resolve("lib").toString());
        environment.put("OCL_ICD_VENDORS", temp.resolve("vendors").toString());
    }

    private void sdk(String version, String... backends) throws IOException {
        write(sdk.resolve("tornado-argfile"), ARGUMENTS.replace("HOME", sdk.toString()));
        Path jars = sdk.resolve("share/java/tornado");
        write(jars.resolve("tornado-api-" + version + ".jar"), "");
        write(jars.resolve("tornado-drivers-common-" + version + ".jar"), "");
        write(jars.resolve("tornado-cublas-" + version + ".jar"), "");
        for (String backend : backends) {
            write(jars.resolve("tornado-drivers-" + backend + "-" + version + ".jar"), "");
            write(jars.resolve("tornado-drivers-" + backend + "-jni-" + version + "-libs.jar"), "");
        }
    }

    private static Path write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private void built(String folder, String with) throws IOException {
        write(root.resolve("target/" + folder + "/current"), "app\n");
        write(root.resolve("target/" + folder + "/app/built-for"), with + "\n");
    }

    private CommandLineRun ma(String... args) throws IOException, InterruptedException {
        return sh(root.resolve("ma"), args);
    }

    private CommandLineRun sh(Path script, String... args) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("/bin/sh", script.toString()));
        command.addAll(List.of(args));
        return run(command);
    }

    private CommandLineRun run(List<String> command) throws IOException, InterruptedException {
        Path out = Files.createTempFile(temp, "process", ".out");
        Path err = Files.createTempFile(temp, "process", ".err");
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().keySet().removeAll(List.of("MA_JAVA_OPTS", "TORNADOVM_HOME"));
        builder.environment().putAll(environment);
        Process process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        if (!process.waitFor(TIMEOUT_S, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("no end after " + TIMEOUT_S + " s");
        }
        return new CommandLineRun(process.exitValue(), Files.readString(out), Files.readString(err));
    }

    private static void assertOneLine(CommandLineRun run, String... parts) {
        assertThat(run.err()).startsWith("ma: ").contains(parts).hasLineCount(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.status()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"tornado", "cuda", "ptx", "opencl"})
    void aBackendOfTornadoVmNeedsAnSdk(String backend) throws Exception {
        environment.remove("TORNADOVM_HOME");
        assertOneLine(
                ma("devices", "--backend", backend),
                "--backend " + backend + " needs TornadoVM's SDK 5.2 for JDK 25: install it and set TORNADOVM_HOME");
    }

    @Test
    void aFolderThatIsNoSdk() throws Exception {
        environment.put("TORNADOVM_HOME", temp.resolve("lib").toString());
        assertOneLine(ma("devices"), "no tornado-argfile", "install TornadoVM's SDK 5.2 for JDK 25");
    }

    @ParameterizedTest
    @CsvSource({"5.1.0-jdk25", "6.0.0-jdk25", "5.2.0-jdk21"})
    void anotherVersion(String version) throws Exception {
        environment.put("TORNADOVM_HOME", sdk.resolveSibling("other").toString());
        sdk = sdk.resolveSibling("other");
        sdk(version, "opencl");
        assertOneLine(ma("devices"), "is TornadoVM " + version, "install TornadoVM's SDK 5.2 for JDK 25 instead");
    }

    @Test
    void nothingThatABackendCouldLoad() throws Exception {
        assumeNoNvidiaDriver();
        environment.put("OCL_ICD_VENDORS", Files.createDirectories(temp.resolve("none")).toString());
        assertOneLine(
                ma("devices"),
                "cannot run here",
                "cuda: no NVIDIA driver (libcuda.so.1)",
                "opencl: no OpenCL platform",
                "install what is missing, or use --backend embedded");
    }

    @Test
    void aPlatformWhoseLibraryIsGoneIsNone() throws Exception {
        assumeNoNvidiaDriver();
        Files.delete(temp.resolve("lib/libsome.so"));
        assertOneLine(ma("devices"), "opencl: no OpenCL platform");
    }

    private static void assumeNoNvidiaDriver() {
        assumeTrue(!Files.exists(Path.of("/sys/module/nvidia/version")), "has an NVIDIA driver");
    }

    @Test
    void theSdkRunsWithTheBackendsThatLoadAndNeverBesideTheEmbeddedRuntime() throws Exception {
        assumeNoNvidiaDriver();
        built("ma-tornadovm", sdk.toString());
        CommandLineRun run = ma("generate", "--backend", "tornado", "--device-memory", "8GiB", "--print-kernel");

        assertThat(run.err()).isEmpty();
        List<String> arguments = run.out().lines().toList();
        Path home = root.toRealPath().resolve("target/ma-tornadovm");
        assertThat(arguments)
                .startsWith("@" + home.resolve("sdk-opencl/arguments"))
                .contains(
                        "-Dtornado.recover.bailout=False",
                        "-Dtornado.device.memory=8589934592",
                        "-Dtornado.printKernel=True")
                .containsSequence("-cp", home.resolve("app/ma.jar").toString(), Main.class.getName(), "generate");
        assertThat(Files.readAllLines(home.resolve("sdk-opencl/arguments")))
                .contains(
                        "--module-path " + home.resolve("sdk-opencl/modules"),
                        "--add-modules ALL-SYSTEM,tornado.runtime,tornado.drivers.common,tornado.drivers.opencl",
                        "--enable-native-access=tornado.drivers.opencl",
                        "--add-exports=jdk.graal.compiler/jdk.graal.compiler.lir=tornado.drivers.opencl")
                .noneMatch(line -> line.contains("ptx") || line.contains("cuda") || line.contains("cublas"));
        try (var modules = Files.list(home.resolve("sdk-opencl/modules"))) {
            assertThat(modules.map(m -> m.getFileName().toString()))
                    .contains("tornado-api-5.2.0-jdk25.jar", "tornado-drivers-opencl-5.2.0-jdk25.jar")
                    .noneMatch(m -> m.matches("tornado-(embedded|cublas|drivers-(ptx|cuda)-[0-9]).*"));
        }
    }

    @Test
    void withACudaToolkitItsFolderIsHandedOn() throws Exception {
        write(temp.resolve("lib/libcuda.so.1"), "");
        write(temp.resolve("lib/libnvrtc.so.13"), "");
        CommandLineRun run = sh(root.resolve("config/tornadovm-arguments"), temp.resolve("made").toString());

        assertThat(run.out().lines())
                .containsExactly(
                        temp.resolve("made/sdk-cuda-opencl-ptx/arguments").toString(),
                        environment.get("LD_LIBRARY_PATH"));
    }

    @Test
    void anSdkThatWasMovedIsReadWhereItIs() throws Exception {
        write(sdk.resolve("tornado-argfile"), ARGUMENTS.replace("HOME", "/where/it/was/made"));
        CommandLineRun run = sh(root.resolve("config/tornadovm-arguments"), temp.resolve("made").toString());

        assertThat(run.err()).isEmpty();
        assertThat(Files.readString(temp.resolve("made/sdk-opencl/arguments")))
                .contains(temp.resolve("made/sdk-opencl/modules").toString(), "=" + sdk + "/lib")
                .doesNotContain("/where/it/was/made");
    }

    @Test
    void oneBackendOfTheSdkOnly() throws Exception {
        CommandLineRun run =
                sh(root.resolve("config/tornadovm-arguments"), temp.resolve("made").toString(), "cuda");

        assertThat(run.err()).isEmpty();
        assertThat(Files.readString(temp.resolve("made/sdk-cuda/arguments")))
                .contains(
                        "tornado.drivers.common,tornado.drivers.cuda,tornado.cublas,tornado.cudnn\n",
                        "--enable-native-access=tornado.drivers.cuda\n")
                .doesNotContain("opencl", "ptx");
    }

    @ParameterizedTest
    @CsvSource({"8GB,8000000000", "8g,8589934592", "1.5KiB,1536", "4096,4096", "100b,100"})
    void deviceMemoryInBytes(String size, String bytes) throws Exception {
        built("ma-tornadovm", sdk.toString());
        assertThat(ma("generate", "--device-memory=" + size).out().lines())
                .contains("-Dtornado.device.memory=" + bytes);
    }

    /** Without a GPU it is half of this machine's memory, which all processes share. */
    @ParameterizedTest
    @CsvSource({"threads, 4, 1", "mpi,, 1", "mpi, 1, 1", "mpi, 4, 4"})
    void processesShareAMachinesMemory(String transport, String processes, int share) throws Exception {
        built("ma-tornadovm", sdk.toString());
        long whole = limit(ma("generate"));
        if (processes != null) {
            environment.put("OMPI_COMM_WORLD_LOCAL_SIZE", processes);
        }

        assertThat(limit(ma("generate", "--transport", transport))).isEqualTo(whole / share);
    }

    /** As mpirun binds one or two processes each to a core, unless it is told what to bind them to. */
    @ParameterizedTest
    @CsvSource({"mpi,,, false", "mpi, OMPI_MCA_hwloc_base_binding_policy, core, true", "mpi, OMP_NUM_THREADS, 1, false",
        "mpi, PRTE_MCA_hwloc_default_binding_policy, core, true", "mpi, MA_BIND, keep, true", "threads,,, true"})
    void aRankIsNotLeftWithOneCore(String transport, String variable, String value, boolean stays) throws Exception {
        List<String> cores = cores(Files.readString(Path.of("/proc/self/status")));
        assumeTrue(cores.size() > 1 && Runtime.getRuntime().availableProcessors() > 1, "needs two cores");
        built("ma", "embedded");
        environment.remove("TORNADOVM_HOME");
        write(temp.resolve("jdk/bin/java"), "#!/bin/sh\ncat /proc/self/status\n");
        environment.put("OMPI_COMM_WORLD_LOCAL_SIZE", "2");
        if (variable != null) {
            environment.put(variable, value);
        }

        CommandLineRun run = run(List.of("taskset", "-c", cores.getFirst(), "/bin/sh", root.resolve("ma").toString(),
                "generate", "--transport", transport));

        assertThat(cores(run.out())).isEqualTo(stays ? cores.subList(0, 1) : cores);
    }

    /** The first and, if there are several, the last of the cores that a process may use. */
    private static List<String> cores(String status) {
        List<String> numbers = status.lines()
                .filter(line -> line.startsWith("Cpus_allowed_list:"))
                .flatMap(line -> Stream.of(line.replaceAll("\\D+", " ").strip().split(" ", -1)))
                .toList();
        return numbers.size() < 2 ? numbers : List.of(numbers.getFirst(), numbers.getLast());
    }

    /** In MB. */
    private static long limit(CommandLineRun run) {
        return run.out().lines()
                .filter(line -> line.startsWith("-Dtornado.device.memory="))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst().orElseThrow();
    }

    @Test
    void theEmbeddedBackendIgnoresTheSdk() throws Exception {
        environment.put("TORNADOVM_HOME", temp.resolve("nowhere").toString());
        built("ma", "embedded");
        CommandLineRun run = ma("generate", "--backend", "embedded");

        assertThat(run.err()).isEmpty();
        assertThat(run.out()).doesNotContain("tornado.").contains("jdk.incubator.vector");
    }

    @ParameterizedTest
    @CsvSource({"plan", "--version", "generate --help", "help generate", "reproduce"})
    void whatNeedsNoDeviceRunsBesideAnSdkThatHasNone(String line) throws Exception {
        assumeNoNvidiaDriver();
        environment.put("OCL_ICD_VENDORS", Files.createDirectories(temp.resolve("none")).toString());
        built("ma-tornadovm", sdk.toString());
        CommandLineRun run = ma(line.split(" "));

        assertThat(run.err()).isEmpty();
        assertThat(run.out().lines())
                .noneMatch(argument -> argument.startsWith("@"))
                .containsSequence(
                        "-cp",
                        root.toRealPath().resolve("target/ma-tornadovm/app/ma.jar")
                                + ":" + sdk.resolve("share/java/tornado/tornado-api-5.2.0-jdk25.jar"));
        assertOneLine(ma("generate"), "cannot run here");
    }

    @Test
    void onlyTheBackendThatWasAskedForIsStarted() throws Exception {
        write(temp.resolve("lib/libcuda.so.1"), "");
        write(temp.resolve("lib/libnvrtc.so.13"), "");
        built("ma-tornadovm", sdk.toString());
        Path home = root.toRealPath().resolve("target/ma-tornadovm");

        assertThat(ma("devices", "--backend", "cuda").out()).startsWith("@" + home.resolve("sdk-cuda/arguments"));
        assertThat(ma("devices", "--backend=opencl").out()).startsWith("@" + home.resolve("sdk-opencl/arguments"));
        assertThat(ma("devices").out()).startsWith("@" + home.resolve("sdk-cuda-opencl-ptx/arguments"));
    }

    private Path packaged(String folder, String... options) throws Exception {
        built(folder, folder.equals("ma") ? "embedded" : sdk.toString());
        write(root.resolve("target/" + folder + "/app/ma.jar"), "");
        write(root.resolve("LICENSE"), "");
        write(root.resolve("NOTICE"), "");
        Path made = temp.resolve("a place/made");
        List<String> arguments = new ArrayList<>(List.of("package", made.toString()));
        arguments.addAll(List.of(options));
        CommandLineRun run = ma(arguments.toArray(String[]::new));
        assertThat(run.err()).contains(made + " runs by itself").hasLineCount(1);
        assertThat(run.status()).isZero();
        return made;
    }

    @Test
    void aPackageRunsWithoutTheProject() throws Exception {
        assumeNoNvidiaDriver();
        Path made = packaged("ma-tornadovm", "--with-sdk");
        environment.remove("TORNADOVM_HOME");
        Files.move(root, temp.resolve("gone"));
        Files.move(sdk, temp.resolve("gone too"));
        CommandLineRun run = sh(made.resolve("ma"), "devices", "--backend", "opencl");

        assertThat(run.err()).isEmpty();
        Path arguments = made.resolve("run/sdk-opencl/arguments");
        assertThat(run.out()).startsWith("@" + arguments + "\n").contains("\n" + made.resolve("app/ma.jar") + "\n");
        // In such a file, what has spaces is quoted.
        assertThat(Files.readAllLines(arguments))
                .contains(
                        "--module-path \"" + made.resolve("run/sdk-opencl/modules") + "\"",
                        "-Djava.library.path=\"" + made.resolve("tornadovm") + "\"/lib");
        assertOneLine(sh(made.resolve("ma"), "package", temp.resolve("another").toString()), "is a package itself");
    }

    @Test
    void aPackageSaysWhatItWasMadeFor() throws Exception {
        Path forSdk = packaged("ma-tornadovm");
        assertOneLine(sh(forSdk.resolve("ma"), "devices", "--backend", "embedded"), "has no embedded runtime");
        String home = environment.remove("TORNADOVM_HOME");
        assertOneLine(sh(forSdk.resolve("ma"), "devices"), "packaged for TornadoVM: set TORNADOVM_HOME");

        Files.move(forSdk, temp.resolve("first"));
        Path embedded = packaged("ma");
        assertThat(sh(embedded.resolve("ma"), "devices").err()).isEmpty();
        environment.put("TORNADOVM_HOME", home);
        assertOneLine(sh(embedded.resolve("ma"), "devices"), "packaged without TornadoVM: unset TORNADOVM_HOME");
    }

    /** The first file that the JVM opened would be read instead. */
    @Test
    void noStandardInputIsAnEmptyOne() throws Exception {
        built("ma-tornadovm", sdk.toString());
        write(temp.resolve("jdk/bin/java"), "#!/bin/sh\ncat && echo read\n");
        Path closed = write(temp.resolve("closed"), "exec sh '%s' help <&-\n".formatted(root.resolve("ma")));
        assertThat(sh(closed)).isEqualTo(new CommandLineRun(0, "read\n", ""));
    }

    @ParameterizedTest
    @CsvSource({
        "package, package needs a folder to make",
        "package a b, package makes one folder",
        "package a --with-sdks, package has no option --with-sdks",
        "package a --with-java, needs a JDK with jlink",
        "package root, is there already"})
    void packagesThatCannotBeMade(String line, String complaint) throws Exception {
        built("ma-tornadovm", sdk.toString());
        assertOneLine(ma(line.replace("root", root.toString()).split(" ")), complaint);
        assertThat(Path.of("a")).doesNotExist();
    }
}
