package io.maseparation.parallel.cli;

import com.sun.management.OperatingSystemMXBean;
import io.maseparation.kernels.KernelTarget;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.report.HostPeak;
import io.maseparation.parallel.report.Json;
import io.maseparation.parallel.report.OutputFormat;
import io.maseparation.parallel.report.Table;
import io.maseparation.parallel.report.TableWriter;
import io.maseparation.parallel.report.Unit;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.commons.cli.Options;

/** {@code ma devices}: what there is to run on, and what would run there. */
final class DevicesCommand implements Command {
    @Override
    public String name() {
        return "devices";
    }

    @Override
    public String summary() {
        return "list devices, and the kernel body each operation gets on them and why";
    }

    @Override
    public Options options() {
        Options options = new Options();
        RunFlags.addDevices(options);
        OutputFlags.add(options);
        return options;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("devices", "what this machine has"),
                new Example("devices --body portable --format json", "bodies if portable ones are asked for"));
    }

    @Override
    public List<String> notes() {
        return List.of("Ranks take the devices in turn; where there are more ranks than devices, they share them.");
    }

    @Override
    public void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        List<Device> devices = RunFlags.devices(arguments);
        Map<String, Object> machine = machine();
        if (format == OutputFormat.JSON) {
            machine.put("devices", devices(devices).objects());
            machine.put("bodies", bodies(devices).objects());
            terminal.out().print(Json.write(machine));
            return;
        }
        if (format == OutputFormat.CSV) {
            terminal.out().print(TableWriter.write(bodies(devices), format));
            return;
        }
        terminal.out().print(TableWriter.write(devices(devices), format) + "\n");
        terminal.out().print("Java %s, %s; %s cores, %s of memory, %s free, %s for weights and caches\n\n".formatted(
                machine.get("java"),
                (int) machine.get("vector_bits") > 0
                        ? "Vector API of " + machine.get("vector_bits") + " bits"
                        : "no Vector API (--add-modules jdk.incubator.vector)",
                machine.get("cores"),
                Unit.BYTES.text(machine.get("memory_bytes")),
                Unit.BYTES.text(machine.get("available_bytes")),
                Unit.BYTES.text(machine.get("direct_memory_limit_bytes"))));
        terminal.out().print(TableWriter.write(
                devices.size() == 1
                        ? bodies(devices).select("operation", "body", "reason")
                        : bodies(devices).select("device", "operation", "body", "reason"),
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

    private static Table devices(List<Device> devices) {
        Table.Builder table = Table.builder()
                .column("device", "device", Unit.COUNT)
                .column("backend", "backend", Unit.PLAIN)
                .column("name", "name", Unit.PLAIN)
                .column("memory_bytes", "memory", Unit.BYTES)
                .column("weight_types", "16-bit weights", Unit.PLAIN);
        for (int i = 0; i < devices.size(); i++) {
            Device device = devices.get(i);
            KernelTarget target = device.target();
            List<String> types = new ArrayList<>();
            if (target.fp16()) {
                types.add("f16");
            }
            if (target.bf16()) {
                types.add("bf16");
            }
            table.row(i, device.backend(), device.name(), device.memoryBytes(), types);
        }
        return table.build();
    }

    private static Table bodies(List<Device> devices) {
        Table.Builder table = Table.builder()
                .column("device", "device", Unit.COUNT)
                .column("operation", "operation", Unit.PLAIN)
                .column("body", "body", Unit.PLAIN)
                .column("reason", "because", Unit.PLAIN);
        for (int i = 0; i < devices.size(); i++) {
            for (Operation operation : Operation.values()) {
                KernelTarget.Choice choice = devices.get(i).target().choose(operation.bodies());
                table.row(i, operation.id(), choice.body().name().toLowerCase(Locale.ROOT), choice.reason());
            }
        }
        return table.build();
    }
}
