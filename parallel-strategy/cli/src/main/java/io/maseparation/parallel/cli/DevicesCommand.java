package io.maseparation.parallel.cli;

import static io.maseparation.parallel.present.Table.column;

import com.sun.management.OperatingSystemMXBean;
import io.maseparation.files.Json;
import io.maseparation.files.ModelException;
import io.maseparation.kernels.Operation;
import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.comm.mpi.MpiProcesses;
import io.maseparation.parallel.compare.NcclCheck;
import io.maseparation.parallel.compare.SelfCheck;
import io.maseparation.parallel.measure.HostPeak;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.run.RunFailedException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/** {@code ma devices}: what there is to run on, and what would run there. */
final class DevicesCommand extends Command {
    private static final String SELF_CHECK = "self-check";
    private static final String NCCL = "nccl";
    private static final String CUBLAS = "cublas";

    DevicesCommand() {
        super("devices", "list devices, and the kernel body each operation gets on them and why");
        example("devices", "what this machine has");
        example("devices --body portable --format json", "bodies if portable ones are asked for");
        example("devices --self-check", "whether kernels compute what they should on these devices");
        note("--nccl needs TornadoVM's CUDA backend and libnccl.so.2, or MA_JAVA_OPTS=-Dma.nccl=PATH (docs/distributed.md).");
        note("--cublas needs TornadoVM's CUDA backend and libcublas.so.13 or .12, or MA_JAVA_OPTS=-Dma.cublas=PATH"
                + " (docs/tornadovm.md).");
        note("Ranks take the devices of one backend in turn and share them where there are fewer: GPUs before others, CUDA's"
                + " and PTX's before OpenCL's, of those two the ones that are more, or those of --backend. Of"
                + " TornadoVM's CUDA backend only the first GPU is listed: it runs everything there. The embedded"
                + " devices are this machine's cores and memory, all of them for each.");
    }

    @Override
    void addOptions(OptionList options) {
        RunFlags.addDevices(options);
        options.flag(SELF_CHECK,
                "compile and run every body, format and mode in small models, and hold their logits against float64;"
                        + " exit status 1 if any is wrong");
        options.flag(NCCL,
                "exchange arrays of device memory by NCCL, with and without CUDA graphs, beside the way through the host; on"
                        + " one GPU with itself, under mpirun with --transport mpi between the GPUs of its processes");
        options.flag(CUBLAS,
                "multiply with fp16 weights by the kernels here and by cuBLAS in turn, for a model's matrices (--model) and"
                        + " 1 to 2048 rows, hold results against each other and float64, and time both; exit status 1 if"
                        + " any is wrong");
        ModelFlags.addShape(options, CublasReport.DEFAULT_MODEL);
        MpiFlags.addTransport(options);
        MpiFlags.add(options);
        OutputFlags.add(options);
    }

    @Override
    void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        MpiFlags.lostAfter(arguments);
        List<String> checks = Stream.of(NCCL, CUBLAS, SELF_CHECK).filter(arguments::has).toList();
        if (checks.size() > 1) {
            throw new UsageException("--%s and --%s are two checks: ask for one of them"
                    .formatted(checks.get(0), checks.get(1)));
        }
        if (!arguments.has(CUBLAS)) {
            ModelFlags.refuse(arguments, "is for devices --cublas, whose matrices are those of a model");
        }
        if (arguments.has(NCCL)) {
            nccl(arguments, format, terminal);
            return;
        }
        if (MpiFlags.chosen(arguments)) {
            throw new UsageException("--transport mpi is for generate and calibrate, and for devices --nccl");
        }
        if (arguments.has(CUBLAS)) {
            CublasReport.run(arguments, format, terminal);
            return;
        }
        List<Group> groups = groups(RunFlags.allDevices(arguments));
        if (arguments.has(SELF_CHECK)) {
            selfCheck(groups, format, terminal);
            return;
        }
        if (format == OutputFormat.JSON) {
            Map<String, Object> machine = machine();
            machine.put("devices", devices(groups).objects());
            machine.put("bodies", bodies(groups).objects());
            terminal.out().print(Json.write(machine));
            return;
        }
        if (format == OutputFormat.CSV) {
            terminal.out().print(TableWriter.write(bodies(groups), format));
            return;
        }
        terminal.out().print(TableWriter.write(devices(groups), format) + "\n");
        terminal.results("Java %s, %s; %s cores, %s of memory, %s free\n\n".formatted(
                Runtime.version(),
                HostPeak.vectorBits() > 0
                        ? "Vector API of " + HostPeak.vectorBits() + " bits"
                        : "no Vector API (--add-modules jdk.incubator.vector)",
                Runtime.getRuntime().availableProcessors(),
                Unit.BYTES.text(total()),
                Unit.BYTES.text(MemoryBudget.available())), format);
        terminal.out().print(TableWriter.write(
                groups.size() == 1
                        ? bodies(groups).select("operation", "body", "reason")
                        : bodies(groups).select("devices", "operation", "body", "reason"),
                format));
    }

    private static void nccl(Arguments arguments, OutputFormat format, Terminal all) {
        if (MpiFlags.chosen(arguments)) {
            OwnGpu.choose();
        }
        Device device = RunFlags.devices(arguments).getFirst();
        Optional<MpiProcesses> processes = MpiFlags.join(arguments, OptionalInt.empty(), all);
        boolean speaks = processes.isEmpty() || processes.get().rank() == 0;
        Terminal terminal = speaks ? all : Terminal.silent();
        List<NcclCheck.Outcome> outcomes;
        try {
            try (Progress progress = terminal.progress("exchanging", NcclCheck.count())) {
                outcomes = NcclCheck.run(device, processes.map(p -> p), done -> progress.step());
            } catch (RunFailedException | ModelException e) {
                throw new FailedException(
                        "NCCL cannot be used here, messages go through the host: " + e.getMessage(), e);
            }
            Table table = exchanges(outcomes);
            terminal.out().print(
                    format == OutputFormat.JSON ? Json.write(table.objects()) : TableWriter.write(table, format));
            if (format == OutputFormat.TABLE) {
                terminal.out().print("\nNCCL %s on %s %s; %s\n".formatted(NcclCheck.version(), device.name(),
                        device.hardware(), processes.map(p -> "%d processes".formatted(p.size()))
                                .orElse("one GPU, which sends to itself")));
            }
            terminal.out().flush();
            outcomes.stream().flatMap(outcome -> outcome.failure().stream()).findFirst().ifPresent(failure -> {
                throw new FailedException("NCCL does not move what it should: " + failure);
            });
            processes.ifPresent(MpiProcesses::leave);
            processes.ifPresent(MpiProcesses::awaitOthers);
        } finally {
            processes.ifPresent(MpiProcesses::close);
        }
    }

    private static Table exchanges(List<NcclCheck.Outcome> outcomes) {
        return Table.of(outcomes,
                column("function", "exchange", Unit.PLAIN, NcclCheck.Outcome::function),
                column("captured", "CUDA graph", Unit.PLAIN, o -> o.captured() ? "yes" : "no"),
                column("bytes", "to each", Unit.BYTES, NcclCheck.Outcome::bytes),
                column("host_us", "host us", Unit.NUMBER, NcclCheck.Outcome::hostMicros),
                column("nccl_us", "NCCL us", Unit.NUMBER, NcclCheck.Outcome::ncclMicros),
                column("more_us", "each more us", Unit.NUMBER, NcclCheck.Outcome::moreMicros),
                column("result", "result", Unit.PLAIN, o -> o.failure().orElse("ok")));
    }

    private static void selfCheck(List<Group> groups, OutputFormat format, Terminal terminal) {
        List<SelfCheck.Check> checks = groups.stream()
                .flatMap(group -> SelfCheck.of(group.first()).stream())
                .toList();
        List<SelfCheck.Outcome> outcomes = new ArrayList<>();
        try (Progress progress = terminal.progress("checking", checks.size())) {
            for (SelfCheck.Check check : checks) {
                outcomes.add(check.run());
                progress.step();
            }
        }
        Table table = selfChecks(outcomes);
        terminal.out()
                .print(format == OutputFormat.JSON ? Json.write(table.objects()) : TableWriter.write(table, format));
        List<SelfCheck.Outcome> failed =
                outcomes.stream().filter(outcome -> outcome.failure().isPresent()).toList();
        if (!failed.isEmpty()) {
            SelfCheck.Outcome first = failed.getFirst();
            throw new FailedException("%d of %d checks failed; the first, %s on %s with %s bodies and %s weights: %s"
                    .formatted(failed.size(), outcomes.size(), first.check().model().name(),
                            first.check().device().name(), lower(first.check().body()),
                            lower(first.check().model().weightType()), first.failure().orElseThrow()));
        }
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private static Table selfChecks(List<SelfCheck.Outcome> outcomes) {
        return Table.of(outcomes,
                column("device", "device", Unit.PLAIN, o -> o.check().device().name()),
                column("model", "model", Unit.PLAIN, o -> o.check().model().name()),
                column("body", "body", Unit.PLAIN, o -> lower(o.check().body())),
                column("weights", "weights", Unit.PLAIN, o -> lower(o.check().model().weightType())),
                column("tensor_cores", "tensor cores", Unit.PLAIN, o -> o.check().onTensorCores() ? "yes" : "no"),
                column("activations", "activations", Unit.PLAIN, o -> lower(o.check().activations())),
                column("kv_cache", "KV cache", Unit.PLAIN, o -> lower(o.check().cache())),
                // Of logits, in root mean squares of them.
                column("error", "error", Unit.PLAIN,
                        o -> Double.isNaN(o.error()) ? "-" : String.format(Locale.ROOT, "%.1e", o.error())),
                column("tolerance", "tolerance", Unit.PLAIN,
                        o -> String.format(Locale.ROOT, "%.0e", o.check().tolerance())),
                column("result", "result", Unit.PLAIN, o -> o.failure().orElse("ok")),
                column("seconds", "seconds", Unit.NUMBER, SelfCheck.Outcome::seconds));
    }

    private static Map<String, Object> machine() {
        Map<String, Object> machine = new LinkedHashMap<>();
        machine.put("java", Runtime.version().toString());
        machine.put("vector_bits", HostPeak.vectorBits());
        machine.put("cores", Runtime.getRuntime().availableProcessors());
        machine.put("memory_bytes", total());
        machine.put("available_bytes", MemoryBudget.available());
        machine.put("direct_memory_limit_bytes", MemoryBudget.directLimit());
        return machine;
    }

    private static long total() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    }

    /**
     * Devices that are alike and follow each other.
     *
     * @param numbers their numbers, such as "0-3"
     * @param count how many they are
     * @param first the first of them
     */
    private record Group(String numbers, int count, Device first) {
        boolean embedded() {
            return first.target().embedded();
        }
    }

    private static List<Group> groups(List<Device> devices) {
        List<Group> groups = new ArrayList<>();
        for (int from = 0; from < devices.size();) {
            int to = from + 1;
            while (to < devices.size() && sameRow(devices.get(from), devices.get(to))) {
                to++;
            }
            groups.add(new Group(to - from == 1 ? "" + from : from + "-" + (to - 1), to - from, devices.get(from)));
            from = to;
        }
        return groups;
    }

    private static boolean sameRow(Device a, Device b) {
        return a.target().equals(b.target()) && a.backend().equals(b.backend()) && a.memoryBytes() == b.memoryBytes();
    }

    private static Table devices(List<Group> groups) {
        return Table.of(groups,
                column("devices", "devices", Unit.PLAIN, Group::numbers),
                column("count", "count", Unit.COUNT, Group::count),
                column("backend", "backend", Unit.PLAIN, g -> g.first().backend()),
                column("name", "name", Unit.PLAIN, g -> g.first().target().name()),
                column("hardware", "hardware", Unit.PLAIN,
                        g -> g.embedded() ? "this machine's cores" : g.first().hardware()),
                column("driver", "driver", Unit.PLAIN, g -> g.first().driver()),
                // The devices of this machine's cores have no memory of their own.
                column("memory_bytes", "memory", Unit.BYTES, g -> g.embedded() ? total() : g.first().memoryBytes()),
                column("weight_types", "weights", Unit.PLAIN, g -> weightTypes(g.first().target())));
    }

    private static List<String> weightTypes(KernelTarget target) {
        List<String> types = new ArrayList<>(List.of("f32"));
        if (target.fp16()) {
            types.add("f16");
        }
        if (target.bf16()) {
            types.add("bf16");
        }
        return types;
    }

    private static Table bodies(List<Group> groups) {
        Table.Builder table = Table.builder()
                .column("devices", "devices", Unit.PLAIN)
                .column("operation", "operation", Unit.PLAIN)
                .column("body", "body", Unit.PLAIN)
                .column("reason", "because", Unit.PLAIN);
        for (Group group : groups) {
            for (Operation operation : Operation.values()) {
                KernelTarget.Choice choice = group.first().target().choose(operation);
                table.row(
                        group.numbers(),
                        operation.id(),
                        choice.body().name().toLowerCase(Locale.ROOT),
                        choice.reason());
            }
        }
        return table.build();
    }
}
