package io.maseparation.parallel.cluster;

import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Devices and what connects them. Devices are numbered from 0, node by node.
 *
 * @param name name
 * @param description one line
 * @param kinds kinds of device
 * @param devices one entry per device
 * @param links what connects them
 * @param host what the hosts are like whose threads or processes the devices of a node are; {@link HostSharing#NONE} if
 *     they are not
 * @param collectives measured tables; a collective without a table costs what its links say (α–β)
 * @param profile the serving engine's own time, and what the numbers are worth
 */
public record Cluster(
        String name,
        String description,
        List<DeviceKind> kinds,
        List<Device> devices,
        Links links,
        HostSharing host,
        List<CollectiveTable> collectives,
        Profile profile) {
    /**
     * One device.
     *
     * @param kind index into {@link Cluster#kinds}
     * @param node number of its node
     */
    public record Device(int kind, int node) {}

    /** Copies the lists. */
    public Cluster {
        kinds = List.copyOf(kinds);
        devices = List.copyOf(devices);
        collectives = List.copyOf(collectives);
    }

    /**
     * A cluster whose serving engine takes no time.
     *
     * @param name name
     * @param description one line
     * @param kinds kinds of device
     * @param devices one entry per device
     * @param links what connects them
     * @param host what the hosts are like whose threads or processes the devices of a node are
     * @param collectives measured tables
     * @param sources where the numbers come from, one line per number
     */
    public Cluster(
            String name, String description, List<DeviceKind> kinds, List<Device> devices, Links links,
            HostSharing host, List<CollectiveTable> collectives, List<String> sources) {
        this(name, description, kinds, devices, links, host, collectives, new Profile(sources));
    }

    /**
     * {@return the same cluster with another profile}
     *
     * @param other the serving engine's own time, and what the numbers are worth
     */
    public Cluster with(Profile other) {
        return new Cluster(name, description, kinds, devices, links, host, collectives, other);
    }

    /** {@return where the numbers come from, one line per number} */
    public List<String> sources() {
        return profile.sources();
    }

    /**
     * {@return the same cluster with every number of its profile off by its relative error at once}
     *
     * @param slower whether everything takes longer; otherwise everything takes less, but for the peaks
     */
    public Cluster off(boolean slower) {
        return profile.errors().off(this, slower);
    }

    /** {@return the same cluster, where every execution of a segment takes equally long} */
    public Cluster withoutVariation() {
        return new Cluster(name, description, kinds, devices, links,
                new HostSharing(host.cores(), host.devices(), host.contention(), 0), collectives, profile);
    }

    /**
     * {@return the same cluster with other devices of the same kinds}
     *
     * @param others one entry per device
     */
    public Cluster withDevices(List<Device> others) {
        return new Cluster(name, description, kinds, others, links, host, collectives, profile);
    }

    /**
     * {@return the same cluster with every kind of device changed}
     *
     * @param change makes the new kind of an old one
     */
    public Cluster withKinds(UnaryOperator<DeviceKind> change) {
        return new Cluster(
                name, description, kinds.stream().map(change).toList(), devices, links, host, collectives, profile);
    }

    /**
     * {@return the same cluster with other links and tables of collectives}
     *
     * @param others the links
     * @param tables the tables; may be empty
     */
    public Cluster withLinks(Links others, List<CollectiveTable> tables) {
        return new Cluster(name, description, kinds, devices, others, host, tables, profile);
    }

    /**
     * {@return the kind of a device}
     *
     * @param device its number, from 0
     */
    public DeviceKind kindOf(int device) {
        return kinds.get(devices.get(device).kind());
    }

    /**
     * {@return the number of the node that a device is in}
     *
     * @param device its number, from 0
     */
    public int nodeOf(int device) {
        return devices.get(device).node();
    }

    /** {@return the link between nodes if there are several nodes, otherwise the link inside the node} */
    public Link farthestLink() {
        return devices.stream().map(Device::node).distinct().count() == 1 ? links.intraNode() : links.interNode();
    }

    /** {@return the number of devices} */
    public int size() {
        return devices.size();
    }
}
