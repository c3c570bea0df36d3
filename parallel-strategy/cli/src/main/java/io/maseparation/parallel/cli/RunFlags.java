package io.maseparation.parallel.cli;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Workload;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** How a plan is run: devices, kernel bodies, formats and limits. */
final class RunFlags {
    private static final String BACKEND = "backend";
    private static final List<String> TORNADO_BACKENDS = List.of("cuda", "ptx", "opencl");
    private static final List<String> BACKENDS =
            Stream.concat(Stream.of("auto", "embedded", "tornado"), TORNADO_BACKENDS.stream()).toList();
    /** For the launcher, which passes it on to TornadoVM. */
    private static final String PRINT_KERNEL = "print-kernel";
    private static final String CUDA_GRAPHS = "cuda-graphs";
    private static final String NO_TENSOR_CORES = "no-tensor-cores";
    private static final String ACTIVATIONS = "activations";
    private static final String BODY = "body";
    private static final String KV_TYPE = "kv-dtype";
    private static final String DEVICE_MEMORY = "device-memory";
    private static final String N_DEPTH = "n-depth";
    private static final String PREFILL_CHUNK = "prefill-chunk";

    private RunFlags() {}

    static void add(OptionList options) {
        addDevices(options);
        options.flag(CUDA_GRAPHS,
                "launch the tasks of a segment as one CUDA graph (TornadoVM's CUDA and PTX): less time for small models");
        MpiFlags.addTransport(options);
        addTypes(options);
        options.value(DEVICE_MEMORY, "SIZE",
                "most memory of a rank, such as 8GB or 8GiB; a layout that needs more is refused");
    }

    /** Says on standard error which devices compute, or what flags the JVM has no use for. */
    static void announce(Arguments arguments, List<Device> devices, Terminal terminal) {
        KernelTarget target = devices.getFirst().target();
        if (target.embedded()) {
            Stream.of(CUDA_GRAPHS, NO_TENSOR_CORES, PRINT_KERNEL).filter(arguments::has).forEach(
                    flag -> terminal.err()
                            .println("ma: --%s has no effect: this machine's cores compute, and not TornadoVM"
                                    .formatted(flag)));
            return;
        }
        int aliases = devices.getFirst().aliases();
        String lacks = aliases == 0
                ? ""
                : "; this backend runs everything on the first of %d GPUs%s"
                        .formatted(1 + aliases, hasPtx() ? ", --backend ptx uses all that are alike" : "");
        terminal.err().println("ma: on %s; TornadoVM's %s backend, driver %s; %s kernels (%s%s)%s".formatted(
                devices.stream()
                        .map(d -> d.name() + " " + d.hardware())
                        .distinct()
                        .collect(Collectors.joining(", ")),
                devices.getFirst().backend(),
                devices.getFirst().driver(),
                target.choose().body().name().toLowerCase(Locale.ROOT),
                target.choose().reason(),
                !devices.getFirst().multipliesOnTensorCores()
                        ? ""
                        : "; tensor cores for fp16 weights and caches"
                                + (target.f16Activations() ? " and activations" : ""),
                lacks));
    }

    private static boolean hasPtx() {
        return Device.all().stream().anyMatch(d -> d.backend().equals("ptx"));
    }

    /** Backend and kernel bodies only. */
    static void addDevices(OptionList options) {
        options.value(BACKEND, "NAME",
                "embedded (this machine's cores), tornado (TornadoVM's devices) or one of its backends cuda, ptx and"
                        + " opencl, or auto: what there is [auto]");
        options.flag(PRINT_KERNEL, "print the code that TornadoVM generates for its devices");
        options.value(BODY, "NAME",
                "kernel body to prefer, portable, gpu or host; otherwise chosen by device (ma devices)");
        options.flag(NO_TENSOR_CORES,
                "multiply fp16 weights and caches without tensor cores, as a GPU before NVIDIA's Ampere has to");
    }

    /** Formats of the cache and of activations. */
    static void addTypes(OptionList options) {
        options.value(KV_TYPE, "TYPE", "format of the KV cache, f32 or f16 [f32]");
        options.value(ACTIVATIONS, "TYPE",
                "what tensor cores multiply fp16 weights with: f32 (as two fp16 numbers; logits within 1e-4 of float64's)"
                        + " or f16 (half of the products; each off by up to 2^-11 of it) [f32]");
    }

    /** {@return the options of {@link #addTypes} that were given, as they are written, each with a space before it} */
    static String types(Arguments arguments) {
        return Stream.of(KV_TYPE, ACTIVATIONS)
                .filter(arguments::has)
                .map(option -> " --" + option + " " + arguments.text(option).orElseThrow())
                .collect(Collectors.joining());
    }

    private static List<Device> withFlags(List<Device> devices, Arguments arguments) {
        List<Device> with = devices;
        if (activations(arguments) == DataType.F16) {
            with.stream().filter(d -> !d.multipliesOnTensorCores()).findFirst().ifPresent(d -> {
                throw new FailedException("--activations f16: %s %s multiplies in fp32 without tensor cores; leave out"
                        .formatted(d.name(), d.hardware()) + " --activations, or run gpu bodies on an NVIDIA GPU");
            });
            with = with.stream().map(Device::withF16Activations).toList();
        }
        return arguments.has(CUDA_GRAPHS) ? with.stream().map(Device::withCudaGraphs).toList() : with;
    }

    private static DataType activations(Arguments arguments) {
        return arguments.choice(ACTIVATIONS, DataType.F32, List.of(DataType.F32, DataType.F16),
                t -> t.name().toLowerCase(Locale.ROOT));
    }

    static void addPrefillChunk(OptionList options) {
        options.value(PREFILL_CHUNK, "N", "most prompt tokens a rank takes in one step and micro-batch ["
                + Workload.DEFAULT_PREFILL_CHUNK + "]");
    }

    static void addDepth(OptionList options) {
        options.value("d", N_DEPTH, "N",
                "positions of random keys and values before each prompt, to measure at a context that is not"
                        + " computed [0]");
    }

    static int depth(Arguments arguments) {
        return arguments.integer(N_DEPTH, 0, 0, Integer.MAX_VALUE);
    }

    static int prefillChunk(Arguments arguments) {
        return arguments.integer(PREFILL_CHUNK, Workload.DEFAULT_PREFILL_CHUNK, 1, Integer.MAX_VALUE);
    }

    /**
     * How to run.
     *
     * @throws UsageException if an option has no such value
     * @throws FailedException if this build or machine lacks what was asked for
     */
    static ExecutionOptions read(Arguments arguments) {
        if (MpiFlags.chosen(arguments)) {
            throw new UsageException("--transport mpi is for generate and calibrate; use --transport threads");
        }
        return readAnyTransport(arguments);
    }

    /** The same where ranks may be processes of their own. */
    static ExecutionOptions readAnyTransport(Arguments arguments) {
        DataType kvType = arguments.choice(
                KV_TYPE, DataType.F32, List.of(DataType.F32, DataType.F16), t -> t.name().toLowerCase(Locale.ROOT));
        long memory = arguments.text(DEVICE_MEMORY).map(s -> Sizes.bytes("--" + DEVICE_MEMORY, s)).orElse(0L);
        List<Device> devices = devices(arguments);
        if (kvType == DataType.F16) {
            devices.stream().filter(d -> !d.target().fp16()).findFirst().ifPresent(d -> {
                throw new FailedException(
                        "--kv-dtype f16: %s %s has no fp16; use --kv-dtype f32".formatted(d.name(), d.hardware()));
            });
        }
        return ExecutionOptions.defaults()
                .withDevices(withFlags(devices, arguments))
                .withKvType(kvType)
                .withDeviceMemory(memory);
    }

    /** The devices that ranks share: of the backend that was asked for, with the bodies that were. */
    static List<Device> devices(Arguments arguments) {
        return Device.alike(allDevices(arguments));
    }

    /** All devices of the backend that was asked for, with the bodies that were. */
    static List<Device> allDevices(Arguments arguments) {
        String backend = arguments.choice(BACKEND, "auto", BACKENDS, b -> b);
        Optional<Body> body =
                arguments.choice(BODY, List.of(Body.values()), b -> b.name().toLowerCase(Locale.ROOT));
        List<Device> devices = all();
        if (devices.isEmpty()) {
            throw new FailedException("TornadoVM found no device; install a driver (such as NVIDIA's or PoCL), or use"
                    + " --backend embedded");
        }
        boolean embedded = devices.getFirst().target().embedded();
        if (embedded && !List.of("auto", "embedded").contains(backend)) {
            throw new FailedException("--backend %s: no TornadoVM here; install its SDK 5.2 for JDK 25, set"
                    .formatted(backend) + " TORNADOVM_HOME to it and start again");
        }
        if (backend.equals("embedded") && !embedded) {
            throw new FailedException(
                    "--backend embedded: this runs on TornadoVM; unset TORNADOVM_HOME and start again");
        }
        if (TORNADO_BACKENDS.contains(backend)) {
            List<Device> of = devices.stream().filter(d -> d.backend().equals(backend)).toList();
            if (of.isEmpty()) {
                throw new FailedException("--backend %s: TornadoVM has no such device here; there are those of %s"
                        .formatted(
                                backend,
                                devices.stream().map(Device::backend).distinct().collect(Collectors.joining(", "))));
            }
            devices = of;
        }
        if (arguments.has(NO_TENSOR_CORES)) {
            devices = devices.stream().map(Device::withoutTensorCores).toList();
        }
        if (body.filter(b -> b == Body.HOST).isPresent()) {
            if (!embedded) {
                throw new UsageException("--body host is for --backend embedded; %s cannot run it"
                        .formatted(devices.getFirst().name()));
            }
            if (!devices.getFirst().target().vectorApi()) {
                throw new FailedException("--body host needs the JVM option --add-modules jdk.incubator.vector");
            }
        }
        if (body.filter(b -> b == Body.GPU).isPresent()) {
            devices.stream().filter(d -> !d.target().has(Body.GPU)).findFirst().ifPresent(d -> {
                throw new UsageException("--body gpu: on %s %s these bodies compute wrong results through TornadoVM's"
                        .formatted(d.name(), d.hardware()) + " OpenCL; use --body portable, or --backend cuda or ptx");
            });
        }
        return devices.stream().map(d -> body.map(d::withBody).orElse(d)).toList();
    }

    private static List<Device> all() {
        try {
            return Device.all();
        } catch (RuntimeException | LinkageError e) {
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            throw new FailedException("TornadoVM does not start: %s; check the drivers of its devices, or use --backend"
                    .formatted(cause.getMessage() == null ? cause.toString() : cause.getMessage()) + " embedded", e);
        }
    }
}
