package io.maseparation.parallel.cluster;

import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Devices and what connects them. Devices are numbered node by node.
 *
 * @param name name
 * @param description one line
 * @param kinds kinds of device
 * @param devices one entry per device
 * @param links what connects them
 * @param host host that all devices are threads of, if they are
 * @param collectives measured tables; α–β where there is none
 * @param sources one line per number: where it comes from
 */
public record Cluster(
        String name,
        String description,
        List<DeviceKind> kinds,
        List<Device> devices,
        Links links,
        HostSharing host,
        List<CollectiveTable> collectives,
        List<String> sources) {
    /**
     * One device.
     *
     * @param kind index into {@link Cluster#kinds}
     * @param node number of its node
     */
    public record Device(int kind, int node) {}

    public Cluster {
        kinds = List.copyOf(kinds);
        devices = List.copyOf(devices);
        collectives = List.copyOf(collectives);
        sources = List.copyOf(sources);
    }

    /** The same where every execution of a segment takes equally long. */
    public Cluster withoutVariation() {
        return new Cluster(name, description, kinds, devices, links,
                new HostSharing(host.cores(), host.devices(), host.contention(), 0), collectives, sources);
    }

    /** The same with other devices of the same kinds. */
    public Cluster withDevices(List<Device> others) {
        return new Cluster(name, description, kinds, others, links, host, collectives, sources);
    }

    /** The same with every kind of device changed. */
    public Cluster withKinds(UnaryOperator<DeviceKind> change) {
        return new Cluster(
                name, description, kinds.stream().map(change).toList(), devices, links, host, collectives, sources);
    }

    /** The same with other links and tables of collectives. */
    public Cluster withLinks(Links others, List<CollectiveTable> tables) {
        return new Cluster(name, description, kinds, devices, others, host, tables, sources);
    }

    /** Kind of a device. */
    public DeviceKind kindOf(int device) {
        return kinds.get(devices.get(device).kind());
    }

    /** Number of the node that a device is in. */
    public int nodeOf(int device) {
        return devices.get(device).node();
    }

    /** The link that bytes may have to take from one device to any other: between nodes where there are several. */
    public Link farthestLink() {
        return devices.stream().map(Device::node).distinct().count() == 1 ? links.intraNode() : links.interNode();
    }

    /** Number of devices. */
    public int size() {
        return devices.size();
    }
}
