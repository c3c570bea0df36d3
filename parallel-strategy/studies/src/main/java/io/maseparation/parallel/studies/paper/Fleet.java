package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import java.util.List;
import java.util.stream.IntStream;

/** Clusters of other sizes. */
final class Fleet {
    private static final double NO_LIMIT = 1e18;

    private Fleet() {}

    /** The same devices, nodes and links, repeated or cut to a number of devices. */
    static Cluster of(Cluster cluster, int devices) {
        int size = cluster.size();
        int nodes = 1 + cluster.devices().stream().mapToInt(Cluster.Device::node).max().orElse(0);
        List<Cluster.Device> all = IntStream.range(0, devices)
                .mapToObj(i -> {
                    Cluster.Device like = cluster.devices().get(i % size);
                    return new Cluster.Device(like.kind(), i / size * nodes + like.node());
                })
                .toList();
        return with(cluster, cluster.kinds(), all);
    }

    /** The same with memory without end, for times of a device that could not hold what it is timed with. */
    static Cluster unlimited(Cluster cluster) {
        List<DeviceKind> kinds = cluster.kinds().stream()
                .map(k -> new DeviceKind(k.name(), NO_LIMIT, k.bytesPerSecond(), k.flopsPerSecond(),
                        k.bandwidthEfficiency(), k.flopsEfficiency(), k.eagerLaunchSeconds(), k.graphLaunchSeconds(),
                        k.graphStartSeconds(), k.pricePerHour(), k.hostBytesPerSecond(), k.measured()))
                .toList();
        return with(cluster, kinds, cluster.devices());
    }

    private static Cluster with(Cluster cluster, List<DeviceKind> kinds, List<Cluster.Device> devices) {
        return new Cluster(cluster.name(), cluster.description(), kinds, devices, cluster.intraNode(),
                cluster.interNode(), cluster.nodeUplinkBytesPerSecond(), cluster.host(),
                cluster.collectives(),
                cluster.sources());
    }
}
