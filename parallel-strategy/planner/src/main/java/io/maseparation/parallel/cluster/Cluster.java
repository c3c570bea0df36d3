package io.maseparation.parallel.cluster;

import java.util.List;

/**
 * Devices and what connects them. Devices are numbered node by node.
 *
 * @param name name
 * @param description one line
 * @param kinds kinds of device
 * @param devices one entry a device
 * @param intraNode between two devices of a node; every device has a port of this bandwidth each way
 * @param interNode between two devices of different nodes; every device has a network port of this bandwidth each way
 * @param nodeUplinkBytesPerSecond bandwidth each way that all devices of a node share towards other nodes; infinite if
 *     only the devices' own ports limit
 * @param host host that all devices are threads of, if they are
 * @param collectives measured tables; α–β where there is none
 * @param sources one line a number: where it comes from
 */
public record Cluster(
        String name,
        String description,
        List<DeviceKind> kinds,
        List<Device> devices,
        Link intraNode,
        Link interNode,
        double nodeUplinkBytesPerSecond,
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
        return new Cluster(name, description, kinds, devices, intraNode, interNode, nodeUplinkBytesPerSecond,
                new HostSharing(host.cores(), host.devices(), host.contention(), 0), collectives, sources);
    }

    /** Kind of a device. */
    public DeviceKind kindOf(int device) {
        return kinds.get(devices.get(device).kind());
    }

    /** Number of devices. */
    public int size() {
        return devices.size();
    }
}
