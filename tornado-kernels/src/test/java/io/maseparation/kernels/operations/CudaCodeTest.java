package io.maseparation.kernels.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.maseparation.kernels.gpu.DecodeGpu;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.InvokeInstruction;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import uk.ac.manchester.tornado.api.KernelContext;

/**
 * What TornadoVM's CUDA backend makes of every gpu body, on a machine without a GPU: the SDK's virtual device compiles
 * and runs nothing. Needs an SDK with the CUDA backend, and for one test the CUDA toolkit's compiler.
 */
@Tag("tornado")
class CudaCodeTest {
    private static final int TIMEOUT_S = 300;

    /** What stands in the code of a kernel if and only if the body calls such methods of KernelContext. */
    private static final Map<String, String> CODE_OF_CALLS = Map.of(
            "simdSum", "__shfl_xor_sync",
            "localBarrier", "__syncthreads()",
            "allocate\\w+LocalArray", "__shared__");

    /** TornadoVM asks for a compute capability, which the virtual device has not. */
    private static final Pattern REFUSED = Pattern.compile("mma.*|asyncCopy.*");

    private static final Path BUILD = Path.of("target").toAbsolutePath();

    @TempDir
    static Path temp;

    /** Code by body. */
    private static Map<String, String> sources;

    /** What a process printed, and its exit status. */
    private record Finished(int status, String output, String errors) {}

    @BeforeAll
    static void generate() throws IOException, InterruptedException {
        String sdk = System.getenv("TORNADOVM_HOME");
        assumeTrue(sdk != null && !sdk.isBlank(), "TORNADOVM_HOME is not set");
        Path description = Path.of(sdk, "examples", "virtual-device-GPU.json");
        assumeTrue(Files.exists(description), "the SDK has no virtual device");
        Finished found =
                run("sh", Path.of("..", "config", "tornadovm-arguments").toString(), BUILD.toString(), "cuda");
        assumeTrue(!found.errors().contains("no backend cuda"), "the SDK has no CUDA backend");
        assertThat(found.status()).as(found.errors()).isZero();

        Finished finished = run(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + found.output().lines().findFirst().orElseThrow(),
                "-Dtornado.recover.bailout=False",
                "-Dtornado.virtual.device=True",
                "-Dtornado.device.desc=" + description,
                "-Dtornado.printKernel=True",
                "-cp",
                classPath(),
                CudaSources.class.getName());

        assertThat(finished.output()).as(finished.errors()).contains(CudaSources.END);
        sources = new LinkedHashMap<>();
        // What stands before the first kernel is not one.
        List<String> parts = List.of(finished.output().split(Pattern.quote(CudaSources.BODY), -1));
        for (String part : parts.subList(1, parts.size())) {
            int line = part.indexOf('\n');
            sources.put(part.substring(0, line).strip(), part.substring(line + 1).replace(CudaSources.END, ""));
        }
    }

    /** Without the embedded runtime, which an SDK takes the place of. */
    private static String classPath() {
        String separator = System.getProperty("path.separator");
        return Pattern.compile(Pattern.quote(separator))
                .splitAsStream(System.getProperty("java.class.path"))
                .filter(entry -> !entry.contains("tornado-embedded"))
                .collect(Collectors.joining(separator));
    }

    private static Finished run(String... command) throws IOException, InterruptedException {
        Path out = Files.createTempFile(temp, "process", ".out");
        Path err = Files.createTempFile(temp, "process", ".err");
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        if (!process.waitFor(TIMEOUT_S, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("no end after " + TIMEOUT_S + " s: " + String.join(" ", command));
        }
        return new Finished(process.exitValue(), Files.readString(out), Files.readString(err));
    }

    @Test
    void everyGpuBodyCompiles() throws IOException {
        assertThat(sources.keySet()).containsExactlyInAnyOrderElementsOf(GpuBodies.declared());
        for (Map.Entry<String, String> entry : sources.entrySet()) {
            String body = entry.getKey();
            if (isRefused(body)) {
                assertThat(entry.getValue()).as(body).contains(CudaSources.FAILED);
            } else {
                assertThat(entry.getValue()).as(body).doesNotContain(CudaSources.FAILED);
                assertThat(entry.getValue()).as(body).containsOnlyOnce("__global__ void " + method(body) + "(");
            }
        }
    }

    /** Also of a body whose operation has such tasks beside it. */
    private static boolean isRefused(String body) throws IOException {
        return GpuBodies.onTensorCores(body)
                || contextCalls(body).stream().anyMatch(REFUSED.asMatchPredicate());
    }

    @Test
    void theCodeHasTheInstructionsThatTheBodyAsksFor() throws IOException {
        for (Map.Entry<String, String> entry : sources.entrySet()) {
            Set<String> calls = contextCalls(entry.getKey());
            if (isRefused(entry.getKey())) {
                continue;
            }
            CODE_OF_CALLS.forEach((method, code) -> assertThat(entry.getValue().contains(code))
                    .as("%s calls %s and its code has %s", entry.getKey(), calls, code)
                    .isEqualTo(calls.stream().anyMatch(call -> call.matches(method))));
        }
    }

    @Test
    void nvccCompilesEveryKernel() throws IOException, InterruptedException {
        assumeTrue(hasNvcc(), "no nvcc on the PATH");
        StringBuilder all = new StringBuilder();
        // Kernels of several classes have one name.
        List<String> names = new ArrayList<>();
        for (Map.Entry<String, String> entry : sources.entrySet()) {
            if (!isRefused(entry.getKey())) {
                String name = entry.getKey().replace('.', '_');
                names.add(name);
                all.append(entry.getValue()
                        .replace("__global__ void " + method(entry.getKey()) + "(", "__global__ void " + name + "("));
            }
        }
        Path file = Files.writeString(temp.resolve("kernels.cu"), all);

        Finished finished = run(
                "nvcc", "-w", "--ptx", "-arch=sm_80", "-o", temp.resolve("kernels.ptx").toString(), file.toString());

        assertThat(finished.status()).as(finished.errors()).isZero();
        String ptx = Files.readString(temp.resolve("kernels.ptx"));
        assertThat(names).isNotEmpty().allMatch(name -> ptx.contains(".entry " + name + "("));
    }

    private static boolean hasNvcc() throws InterruptedException {
        try {
            return run("nvcc", "--version").status() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    private static String method(String body) {
        return body.substring(body.indexOf('.') + 1);
    }

    /** The methods of KernelContext that a body calls, itself or through helpers of its package. */
    private static Set<String> contextCalls(String body) throws IOException {
        String type = KernelContext.class.getName().replace('.', '/');
        String own = DecodeGpu.class.getPackageName().replace('.', '/') + "/";
        Set<String> found = new TreeSet<>();
        Set<String> seen = new HashSet<>();
        List<String> open = new ArrayList<>(List.of(own + body.replace(".", " ")));
        while (!open.isEmpty()) {
            String at = open.removeLast();
            if (!seen.add(at)) {
                continue;
            }
            for (InvokeInstruction call : calls(at)) {
                String owner = call.owner().asInternalName();
                if (owner.equals(type)) {
                    found.add(call.name().stringValue());
                } else if (owner.startsWith(own)) {
                    open.add(owner + " " + call.name().stringValue() + call.type().stringValue());
                }
            }
        }
        return found;
    }

    /** The calls in a method: its class's internal name, a space, its name, and its descriptor if that matters. */
    private static List<InvokeInstruction> calls(String at) throws IOException {
        String type = at.substring(0, at.indexOf(' '));
        String name = at.substring(at.indexOf(' ') + 1);
        List<InvokeInstruction> calls = new ArrayList<>();
        try (InputStream in = KernelGraph.class.getResourceAsStream("/" + type + ".class")) {
            for (MethodModel method : ClassFile.of().parse(in.readAllBytes()).methods()) {
                String found = method.methodName().stringValue();
                if (found.equals(name) || (found + method.methodType().stringValue()).equals(name)) {
                    method.code().ifPresent(code -> code.forEach(element -> {
                        if (element instanceof InvokeInstruction call) {
                            calls.add(call);
                        }
                    }));
                }
            }
        }
        return calls;
    }
}
