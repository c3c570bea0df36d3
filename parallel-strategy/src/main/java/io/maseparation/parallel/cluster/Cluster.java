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
 * @param sharedCores number of cores that all devices share, where they are threads of one host; 0 for devices of their own
 * @param contention where devices share cores: how much longer each of two that compute at once takes, from 0 (not at all)
 *     to 1 (twice as long, since an operation alone uses all cores)
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
        int sharedCores,
        double contention,
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

    /** How much longer computing takes where {@code active} devices do it at once. */
    public double slowdown(int active) {
        return sharedCores == 0
                ? 1
                : Math.max(1 + (active - 1) * contention, (double) active / sharedCores);
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
