package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.Link;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Clusters that no one sells. */
public final class TestClusters {
    private TestClusters() {}

    /** One kind of device that reaches its peaks; transfers take next to no time. */
    public static Cluster ideal(int devices) {
        return of(devices, new DeviceKind("ideal", 80e9, 2e12, 300e12, 1, 1, 0, 0, 0, 1, Map.of()), new Link(0, 1e21));
    }

    public static Cluster of(int devices, DeviceKind kind, Link link) {
        return new Cluster("test", "", List.of(kind),
                IntStream.range(0, devices).mapToObj(i -> new Cluster.Device(0, i / 8)).toList(), link, link,
                Double.POSITIVE_INFINITY, HostSharing.NONE, List.of(), List.of());
    }

    /** Any speeds, latencies and launch times. */
    public static Cluster random(SplittableRandom random, int devices) {
        DeviceKind kind = new DeviceKind("random", 1e12, 1e11 * Math.pow(100, random.nextDouble()),
                1e13 * Math.pow(100, random.nextDouble()), 0.3 + 0.7 * random.nextDouble(),
                0.3 + 0.7 * random.nextDouble(), 2e-5 * random.nextDouble(), 4e-6 * random.nextDouble(),
                1e-5 * random.nextDouble(), 1, Map.of());
        Link inside = link(random, 1e11);
        Link outside = link(random, 1e10);
        return new Cluster("random", "", List.of(kind),
                IntStream.range(0, devices).mapToObj(i -> new Cluster.Device(0, i / 4)).toList(), inside, outside,
                random.nextBoolean() ? Double.POSITIVE_INFINITY : outside.bytesPerSecond() * 2,
                random.nextInt(5) == 0 ? new HostSharing(2, 2 * random.nextDouble(), 0) : HostSharing.NONE, List.of(),
                List.of());
    }

    private static Link link(SplittableRandom random, double bytesPerSecond) {
        return new Link(2e-5 * random.nextDouble(), bytesPerSecond * Math.pow(10, random.nextDouble()));
    }

    /** The same with other speeds. */
    public static Cluster scaled(Cluster c, double bandwidth, double linkBandwidth, double latency) {
        DeviceKind k = c.kinds().getFirst();
        return new Cluster(c.name(), "", List.of(new DeviceKind(k.name(), k.memoryBytes(),
                k.bytesPerSecond() * bandwidth, k.flopsPerSecond() * bandwidth, k.bandwidthEfficiency(),
                k.flopsEfficiency(), k.eagerLaunchSeconds(), k.graphLaunchSeconds(), k.graphStartSeconds(),
                k.pricePerHour(), Map.of())), c.devices(), link(c.intraNode(), linkBandwidth, latency),
                link(c.interNode(), linkBandwidth, latency), c.nodeUplinkBytesPerSecond() * linkBandwidth,
                c.host(), c.collectives(), List.of());
    }

    private static Link link(Link link, double bandwidth, double latency) {
        return new Link(link.latencySeconds() * latency, link.bytesPerSecond() * bandwidth);
    }
}
