package io.maseparation.parallel.cluster;

import io.maseparation.files.Json;
import io.maseparation.files.JsonFile;
import io.maseparation.files.Text;
import io.maseparation.files.WholeFile;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.Format;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Clusters on disk, as JSON (docs/clusters.md). */
public final class ClusterFile {
    /**
     * Used where the file gives no share: vLLM's all-reduce takes about 36 blocks on 108 to 132 multiprocessors.
     */
    private static final double USUAL_COLLECTIVE_SHARE = 0.3;

    private static final String RATES = "flops_per_s_by_format";
    private static final List<Format.Units> OTHER_UNITS =
            List.of(Format.Units.F32, Format.Units.FP8, Format.Units.INT8);

    private static final String ENGINE = "engine_step_us";
    private static final String ERRORS = "relative_errors";
    /** Ten times as long, or a tenth. */
    private static final double MOST_ERROR = 9;

    static final int MOST_DEVICES = 65_536;

    private ClusterFile() {}

    /**
     * Reads a cluster.
     *
     * @param file a JSON file
     * @return the cluster
     * @throws io.maseparation.files.ModelException if the file cannot be read or something in it makes no sense; the
     *     message is one line that names file and field
     */
    public static Cluster read(Path file) {
        return cluster(JsonFile.openSourced(file), 0);
    }

    /**
     * The cluster of a document.
     *
     * @param size number of devices if the document describes a family of clusters; 0 if it lists its nodes
     */
    static Cluster cluster(JsonFile json, int size) {
        List<DeviceKind> kinds = new ArrayList<>();
        for (JsonFile kind : json.objects("device_kinds")) {
            DeviceKind read = kind(kind);
            if (kinds.stream().anyMatch(k -> k.name().equals(read.name()))) {
                throw kind.fail("name", "'%s' is there twice".formatted(read.name()));
            }
            kinds.add(read);
        }
        if (kinds.isEmpty()) {
            throw json.fail("device_kinds", "names no kind of device");
        }
        List<Cluster.Device> devices = size > 0 ? family(json, size) : nodes(json, kinds);
        String name = json.name("name");
        Cluster cluster = new Cluster(
                size > 0 ? name + "x" + size : name,
                Text.printable(json.text("description", "")),
                kinds,
                devices,
                new Links(
                        link(json, "intra_node"),
                        link(json, "inter_node"),
                        json.number("node_uplink_bytes_per_s", Double.POSITIVE_INFINITY, 1, 1e18)),
                new HostSharing(
                        json.integer("shared_cores", 0, 0, MOST_DEVICES),
                        json.integer("shared_devices", 0, 0, MOST_DEVICES),
                        json.number("contention", 1, 0, HostSharing.MOST_CONTENTION),
                        json.number("variation", 0, 0, HostSharing.MOST_VARIATION)),
                collectives(json),
                new Profile(json.number(ENGINE, 0, 0, 1e9) / 1e6, errors(json.object(ERRORS)), json.sources()));
        json.done();
        return cluster;
    }

    private static RelativeErrors errors(JsonFile json) {
        RelativeErrors usual = RelativeErrors.USUAL;
        RelativeErrors errors = new RelativeErrors(
                json.number("bandwidth", usual.bandwidth(), 0, MOST_ERROR),
                json.number("flops", usual.flops(), 0, MOST_ERROR),
                json.number("launch", usual.launch(), 0, MOST_ERROR),
                json.number("kernels", usual.kernels(), 0, MOST_ERROR),
                json.number("link_bandwidth", usual.linkBandwidth(), 0, MOST_ERROR),
                json.number("link_latency", usual.linkLatency(), 0, MOST_ERROR),
                json.number("collectives", usual.collectives(), 0, MOST_ERROR),
                json.number("engine", usual.engine(), 0, MOST_ERROR));
        json.done();
        return errors;
    }

    private static DeviceKind kind(JsonFile json) {
        Map<Operation, OperationRate> measured = new LinkedHashMap<>();
        for (JsonFile operation : json.members("operations")) {
            Operation of = operation(operation);
            OperationRate rate = new OperationRate(
                    operation.number("launch_us", 0, 1e9) / 1e6,
                    operation.number("bytes_per_s", 1, 1e18),
                    operation.number("flops_per_s", 1, 1e21),
                    operation.number("position_us", 0, 0, 1e6) / 1e6);
            measured.put(of, rate.with(ShapeTimes.read(operation, of)));
            operation.done();
        }
        Roofline fitted = new Roofline(
                json.number("memory_bandwidth_bytes_per_s", 1, 1e18),
                json.number("flops_per_s", 1, 1e21),
                json.number("bandwidth_efficiency", 1e-6, 1),
                json.number("flops_efficiency", 1e-6, 1),
                kernels(json),
                speeds(json),
                KernelTables.NONE);
        DeviceKind kind = new DeviceKind(
                json.name("name"),
                json.number("memory_bytes", 1, 1e18),
                fitted.with(tables(json, fitted)),
                new LaunchTimes(
                        json.number("eager_launch_us", 0, 1e9) / 1e6,
                        json.number("graph_launch_us", 0, 1e9) / 1e6,
                        json.number("graph_start_us", 0, 1e9) / 1e6),
                json.number("price_per_hour", Double.NaN, 0, 1e12),
                json.number("host_bytes_per_s", Double.POSITIVE_INFINITY, 1, 1e18),
                json.number("collective_core_share", USUAL_COLLECTIVE_SHARE, 0, 0.99),
                measured);
        json.done();
        return kind;
    }

    private static KernelTables tables(JsonFile json, Roofline fitted) {
        if (!json.has("kernel_table")) {
            return KernelTables.NONE;
        }
        String name = json.name("kernel_table");
        if (!KernelTables.NAMES.contains(name)) {
            throw json.fail("kernel_table", "'%s' is not there; there are %s"
                    .formatted(name, String.join(", ", KernelTables.NAMES)));
        }
        return KernelTables.named(name, fitted);
    }

    /** Rates of formats other than 16 bits, as multiples of that rate. */
    private static Map<Format.Units, Double> speeds(JsonFile json) {
        Map<Format.Units, Double> speeds = new EnumMap<>(Format.Units.class);
        JsonFile rates = json.object(RATES);
        for (Format.Units units : OTHER_UNITS) {
            if (rates.has(units.id())) {
                speeds.put(units, rates.number(units.id(), 1, 1e21) / json.number("flops_per_s", 1, 1e21));
            }
        }
        rates.done();
        return speeds;
    }

    private static Map<Operation, KernelFit> kernels(JsonFile json) {
        Map<Operation, KernelFit> kernels = new LinkedHashMap<>();
        for (JsonFile kernel : json.members("kernels")) {
            kernels.put(
                    operation(kernel),
                    new KernelFit(
                            kernel.number("fixed_us", 0, 1e9) / 1e6,
                            kernel.number("bandwidth_efficiency", 1e-6, 1),
                            kernel.number("flops_efficiency", 1e-6, 1),
                            kernel.number("overlap_exponent", Double.POSITIVE_INFINITY, 1, 1e6)));
            kernel.done();
        }
        return kernels;
    }

    /** The operation that a member is named after. */
    private static Operation operation(JsonFile member) {
        return byId(Operation.values(), Operation::id, member.name())
                .orElseThrow(() -> member.fail("", "is not an operation; there are "
                        + String.join(", ", Stream.of(Operation.values()).map(Operation::id).toList())));
    }

    private static <E> Optional<E> byId(E[] constants, Function<E, String> id, String wanted) {
        return Stream.of(constants).filter(c -> id.apply(c).equals(wanted)).findFirst();
    }

    private static Link link(JsonFile json, String field) {
        JsonFile link = json.requiredObject(field);
        Link read = new Link(
                link.number("latency_us", 0, 1e9) / 1e6, link.number("bytes_per_s", 1, 1e18));
        link.done();
        return read;
    }

    /** Nodes of equal size; the last one may have fewer devices. */
    private static List<Cluster.Device> family(JsonFile json, int size) {
        int perNode = json.integer("devices_per_node", 1, MOST_DEVICES);
        return IntStream.range(0, size).mapToObj(i -> new Cluster.Device(0, i / perNode)).toList();
    }

    private static List<Cluster.Device> nodes(JsonFile json, List<DeviceKind> kinds) {
        List<String> names = kinds.stream().map(DeviceKind::name).toList();
        List<Cluster.Device> devices = new ArrayList<>();
        int node = 0;
        for (List<JsonFile> entries : json.objectLists("nodes")) {
            for (JsonFile entry : entries) {
                String name = entry.name("kind");
                int kind = names.indexOf(name);
                if (kind < 0) {
                    throw entry.fail("kind", "'%s' is not one of device_kinds, which are %s"
                            .formatted(name, String.join(", ", names)));
                }
                int count = entry.integer("count", 1, 1, MOST_DEVICES);
                if (devices.size() + count > MOST_DEVICES) {
                    throw json.fail("nodes", "have more than %d devices".formatted(MOST_DEVICES));
                }
                for (int i = 0; i < count; i++) {
                    devices.add(new Cluster.Device(kind, node));
                }
                entry.done();
            }
            node++;
        }
        if (devices.isEmpty()) {
            throw json.fail("nodes", "have no devices");
        }
        return devices;
    }

    private static List<CollectiveTable> collectives(JsonFile json) {
        List<CollectiveTable> tables = new ArrayList<>();
        for (JsonFile table : json.objects("collectives")) {
            String name = table.name("operation");
            CollectiveTable.Operation operation = byId(
                    CollectiveTable.Operation.values(), CollectiveTable.Operation::id, name)
                    .orElseThrow(() -> table.fail(
                            "operation", "'%s' is neither all-reduce nor all-to-all".formatted(name)));
            List<CollectiveTable.Point> points = new ArrayList<>();
            for (double[] point : table.pairs("points")) {
                double bytes = point[0];
                double seconds = point[1] / 1e6;
                boolean ascending = points.isEmpty() || bytes > points.getLast().bytes();
                if (!ascending || !(bytes > 0) || !(seconds > 0)) {
                    throw table.fail("points", "are not pairs of ascending bytes and microseconds above 0");
                }
                points.add(new CollectiveTable.Point(bytes, seconds));
            }
            if (points.isEmpty()) {
                throw table.fail("points", "are empty");
            }
            String wanted = table.text("implementation", Collectives.NCCL.id());
            Collectives implementation = byId(Collectives.values(), Collectives::id, wanted)
                    .orElseThrow(() -> table.fail(
                            "implementation", "'%s' is neither custom nor nccl".formatted(Text.printable(wanted))));
            table.sources()
                    .add("%s %s: %s".formatted(name, wanted, Text.printable(table.text("source", "not said"))));
            tables.add(new CollectiveTable(
                    operation,
                    implementation,
                    table.integer("devices", 2, MOST_DEVICES),
                    points));
            table.done();
        }
        return tables;
    }

    /**
     * Writes a cluster, whole or not at all.
     *
     * @param file where to
     * @param cluster what is written
     * @param source where its numbers come from, such as "measured by ma calibrate on 2026-11-23"
     * @throws java.io.UncheckedIOException if the file cannot be written
     */
    public static void write(Path file, Cluster cluster, String source) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("name", cluster.name());
        json.put("description", cluster.description());
        json.put("device_kinds", cluster.kinds().stream().map(k -> kind(k, source)).toList());
        json.put("nodes", nodes(cluster));
        json.put("intra_node", link(cluster.links().intraNode(), source));
        json.put("inter_node", link(cluster.links().interNode(), source));
        double uplink = cluster.links().nodeUplinkBytesPerSecond();
        if (Double.isFinite(uplink)) {
            json.put("node_uplink_bytes_per_s", sourced(uplink, source));
        }
        HostSharing host = cluster.host();
        if (host.shared()) {
            json.put("shared_cores", host.cores());
            if (host.queues()) {
                json.put("shared_devices", host.devices());
            }
            json.put("contention", sourced(host.contention(), source));
            json.put("variation", sourced(host.variation(), source));
        }
        Profile profile = cluster.profile();
        if (profile.engineStepSeconds() > 0) {
            json.put(ENGINE, sourced(profile.engineStepSeconds() * 1e6, source));
        }
        if (!profile.errors().equals(RelativeErrors.USUAL)) {
            json.put(ERRORS, errors(profile.errors(), source));
        }
        json.put("collectives", cluster.collectives().stream().map(t -> table(t, source)).toList());
        WholeFile.write(file, Json.write(json));
    }

    private static Map<String, Object> errors(RelativeErrors errors, String source) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("bandwidth", sourced(errors.bandwidth(), source));
        json.put("flops", sourced(errors.flops(), source));
        json.put("launch", sourced(errors.launch(), source));
        json.put("kernels", sourced(errors.kernels(), source));
        json.put("link_bandwidth", sourced(errors.linkBandwidth(), source));
        json.put("link_latency", sourced(errors.linkLatency(), source));
        json.put("collectives", sourced(errors.collectives(), source));
        json.put("engine", sourced(errors.engine(), source));
        return json;
    }

    private static Map<String, Object> sourced(double value, String source) {
        Map<String, Object> number = new LinkedHashMap<>();
        number.put("value", value);
        number.put("source", source);
        return number;
    }

    private static Map<String, Object> kind(DeviceKind kind, String source) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("name", kind.name());
        json.put("memory_bytes", sourced(kind.memoryBytes(), source));
        json.put("memory_bandwidth_bytes_per_s", sourced(kind.roofline().bytesPerSecond(), source));
        json.put("bandwidth_efficiency", sourced(kind.roofline().bandwidthEfficiency(), source));
        json.put("flops_per_s", sourced(kind.roofline().flopsPerSecond(), source));
        json.put("flops_efficiency", sourced(kind.roofline().flopsEfficiency(), source));
        Map<String, Object> rates = new LinkedHashMap<>();
        for (Format.Units units : OTHER_UNITS) {
            if (kind.roofline().speeds().containsKey(units)) {
                rates.put(units.id(),
                        sourced(kind.roofline().speeds().get(units) * kind.roofline().flopsPerSecond(), source));
            }
        }
        if (!rates.isEmpty()) {
            json.put(RATES, rates);
        }
        json.put("eager_launch_us", sourced(kind.launches().eagerSeconds() * 1e6, source));
        json.put("graph_launch_us", sourced(kind.launches().graphSeconds() * 1e6, source));
        json.put("graph_start_us", sourced(kind.launches().startSeconds() * 1e6, source));
        if (!Double.isNaN(kind.pricePerHour())) {
            json.put("price_per_hour", sourced(kind.pricePerHour(), source));
        }
        if (Double.isFinite(kind.hostBytesPerSecond())) {
            json.put("host_bytes_per_s", sourced(kind.hostBytesPerSecond(), source));
        }
        json.put("collective_core_share", sourced(kind.collectiveShare(), source));
        Map<String, Object> operations = new LinkedHashMap<>();
        for (Operation operation : Operation.values()) {
            OperationRate rate = kind.measured().get(operation);
            if (rate != null) {
                Map<String, Object> numbers = new LinkedHashMap<>();
                numbers.put("launch_us", sourced(rate.launchSeconds() * 1e6, source));
                numbers.put("bytes_per_s", sourced(rate.bytesPerSecond(), source));
                numbers.put("flops_per_s", sourced(rate.flopsPerSecond(), source));
                if (rate.secondsPerPosition() > 0) {
                    numbers.put("position_us", sourced(rate.secondsPerPosition() * 1e6, source));
                }
                if (rate.shapes().any()) {
                    numbers.put("times", rate.shapes().written(operation, source));
                }
                operations.put(operation.id(), numbers);
            }
        }
        if (!operations.isEmpty()) {
            json.put("operations", operations);
        }
        Map<String, Object> kernels = new LinkedHashMap<>();
        for (Operation operation : Operation.values()) {
            KernelFit fit = kind.roofline().kernels().get(operation);
            if (fit != null) {
                kernels.put(operation.id(), kernel(fit, source));
            }
        }
        if (!kernels.isEmpty()) {
            json.put("kernels", kernels);
        }
        if (!kind.roofline().tables().name().isEmpty()) {
            json.put("kernel_table", kind.roofline().tables().name());
        }
        return json;
    }

    private static Map<String, Object> kernel(KernelFit fit, String source) {
        Map<String, Object> numbers = new LinkedHashMap<>();
        numbers.put("fixed_us", sourced(fit.fixedSeconds() * 1e6, source));
        numbers.put("bandwidth_efficiency", sourced(fit.bandwidthEfficiency(), source));
        numbers.put("flops_efficiency", sourced(fit.flopsEfficiency(), source));
        if (fit.overlapExponent() != Double.POSITIVE_INFINITY) {
            numbers.put("overlap_exponent", sourced(fit.overlapExponent(), source));
        }
        return numbers;
    }

    private static List<List<Map<String, Object>>> nodes(Cluster cluster) {
        List<List<Map<String, Object>>> nodes = new ArrayList<>();
        Cluster.Device before = new Cluster.Device(-1, -1);
        for (Cluster.Device device : cluster.devices()) {
            if (device.node() != before.node()) {
                nodes.add(new ArrayList<>());
            }
            if (!device.equals(before)) {
                Map<String, Object> entry = new LinkedHashMap<>();
                entry.put("kind", cluster.kinds().get(device.kind()).name());
                nodes.getLast().add(entry);
            }
            nodes.getLast().getLast().merge("count", 1, (count, one) -> (int) count + (int) one);
            before = device;
        }
        return nodes;
    }

    private static Map<String, Object> link(Link link, String source) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("latency_us", sourced(link.latencySeconds() * 1e6, source));
        json.put("bytes_per_s", sourced(link.bytesPerSecond(), source));
        return json;
    }

    private static Map<String, Object> table(CollectiveTable table, String source) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("operation", table.operation().id());
        json.put("implementation", table.implementation().id());
        json.put("devices", table.devices());
        json.put("source", source);
        json.put(
                "points",
                table.points().stream().map(p -> List.of(p.bytes(), p.seconds() * 1e6)).toList());
        return json;
    }
}
