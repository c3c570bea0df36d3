package io.maseparation.parallel.cli;

import static io.maseparation.parallel.present.Table.column;

import com.sun.management.OperatingSystemMXBean;
import io.maseparation.files.Json;
import io.maseparation.kernels.Operation;
import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.measure.HostPeak;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@code ma devices}: what there is to run on, and what would run there. */
final class DevicesCommand extends Command {
    DevicesCommand() {
        super("devices", "list devices, and the kernel body each operation gets on them and why");
        example("devices", "what this machine has");
        example("devices --body portable --format json", "bodies if portable ones are asked for");
        note("Ranks take the devices of one backend in turn and share them where there are fewer: GPUs before others, CUDA's"
                + " and PTX's before OpenCL's, of those two the ones that are more, or those of --backend. Of"
                + " TornadoVM's CUDA backend only the first GPU is listed: it runs everything there. The embedded"
                + " devices are this machine's cores and memory, all of them for each.");
    }

    @Override
    void addOptions(OptionList options) {
        RunFlags.addDevices(options);
        OutputFlags.add(options);
    }

    @Override
    void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        List<Group> groups = groups(RunFlags.allDevices(arguments));
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
        terminal.out().print("Java %s, %s; %s cores, %s of memory, %s free\n\n".formatted(
                Runtime.version(),
                HostPeak.vectorBits() > 0
                        ? "Vector API of " + HostPeak.vectorBits() + " bits"
                        : "no Vector API (--add-modules jdk.incubator.vector)",
                Runtime.getRuntime().availableProcessors(),
                Unit.BYTES.text(total()),
                Unit.BYTES.text(MemoryBudget.available())));
        terminal.out().print(TableWriter.write(
                groups.size() == 1
                        ? bodies(groups).select("operation", "body", "reason")
                        : bodies(groups).select("devices", "operation", "body", "reason"),
                format));
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
