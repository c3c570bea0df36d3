package io.maseparation.parallel.simulate;

import io.maseparation.kernels.Operation;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.KernelFit;
import io.maseparation.parallel.cluster.KernelTables;
import io.maseparation.parallel.cluster.LaunchTimes;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.cluster.Roofline;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Clusters that no one sells. */
public final class TestClusters {
    private TestClusters() {}

    /** One kind of device that reaches its peaks; transfers take next to no time. */
    public static Cluster ideal(int devices) {
        return of(devices, kind("ideal", 80e9, new Roofline(2e12, 300e12, 1, 1),
                new LaunchTimes(0, 0, 0)), new Link(0, 1e21));
    }

    /** A kind of device that was not measured, at a price of 1. */
    public static DeviceKind kind(String name, double memoryBytes, Roofline roofline, LaunchTimes launches) {
        return new DeviceKind(name, memoryBytes, roofline, launches, 1, Double.POSITIVE_INFINITY, 0.3, Map.of());
    }

    public static Cluster of(int devices, DeviceKind kind, Link link) {
        return new Cluster("test", "", List.of(kind),
                IntStream.range(0, devices).mapToObj(i -> new Cluster.Device(0, i / 8)).toList(),
                new Links(link, link, Double.POSITIVE_INFINITY), HostSharing.NONE, List.of(), List.of());
    }

    /** Any speeds, latencies and launch times. */
    public static Cluster random(SplittableRandom random, int devices) {
        DeviceKind kind = kind("random", 1e12,
                new Roofline(1e11 * Math.pow(100, random.nextDouble()), 1e13 * Math.pow(100, random.nextDouble()),
                        0.3 + 0.7 * random.nextDouble(), 0.3 + 0.7 * random.nextDouble(), kernels(random),
                        Map.of(), KernelTables.NONE),
                new LaunchTimes(2e-5 * random.nextDouble(), 4e-6 * random.nextDouble(), 1e-5 * random.nextDouble()));
        Link inside = link(random, 1e11);
        Link outside = link(random, 1e10);
        return new Cluster("random", "", List.of(kind),
                IntStream.range(0, devices).mapToObj(i -> new Cluster.Device(0, i / 4)).toList(),
                new Links(inside, outside,
                        random.nextBoolean() ? Double.POSITIVE_INFINITY : outside.bytesPerSecond() * 2),
                random.nextInt(5) == 0 ? new HostSharing(2, 0, 2 * random.nextDouble(), 0) : HostSharing.NONE,
                List.of(),
                List.of());
    }

    /** Some operations whose bytes and operations overlap in part. */
    private static Map<Operation, KernelFit> kernels(SplittableRandom random) {
        return Stream.of(Operation.values())
                .filter(operation -> random.nextBoolean())
                .collect(Collectors.toMap(operation -> operation, operation -> new KernelFit(
                        2e-5 * random.nextDouble(), 0.3 + 0.7 * random.nextDouble(),
                        0.3 + 0.7 * random.nextDouble(), 1 / random.nextDouble(0.01, 1))));
    }

    private static Link link(SplittableRandom random, double bytesPerSecond) {
        return new Link(2e-5 * random.nextDouble(), bytesPerSecond * Math.pow(10, random.nextDouble()));
    }

    /** The same with other speeds. */
    public static Cluster scaled(Cluster c, double bandwidth, double linkBandwidth, double latency) {
        return c.withKinds(k -> k.with(
                k.roofline().times(bandwidth, bandwidth), k.launches(), k.hostBytesPerSecond(), rate -> rate))
                .withLinks(c.links().times(linkBandwidth, latency), c.collectives());
    }
}
