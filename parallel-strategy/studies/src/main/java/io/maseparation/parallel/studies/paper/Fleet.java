package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.cluster.Cluster;
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
        return cluster.withDevices(all);
    }

    /** The same with unlimited memory, for timing a device with more than it could hold. */
    static Cluster unlimited(Cluster cluster) {
        return cluster.withKinds(kind -> kind.withMemory(NO_LIMIT));
    }
}
