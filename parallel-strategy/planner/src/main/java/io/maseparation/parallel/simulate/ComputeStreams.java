package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * The compute streams of all devices: which chain runs, and how fast. A device with a host of its own runs at full
 * speed. If those of a node are threads or processes of one host, those that compute slow each other down, since one
 * operation alone may use all cores of the host (processor sharing, Kleinrock 1976). If ranks of one host share a
 * device, their kernels queue for it.
 */
final class ComputeStreams {
    private final Cluster cluster;
    private final boolean shared;
    private final boolean queues;
    /** By node; one, where devices do not share a host. */
    private final Host[] hosts;
    /** For each device, its number among those of its node. */
    private final int[] placeInNode;
    /** For each device with a host of its own, until when collectives keep a share of it busy. */
    private final double[] collectiveUntil;

    private final List<List<Task>> pending = new ArrayList<>();
    private final Task[] running;
    /** What ended last on each device, and when. */
    private final Task[] ended;

    private final double[] endedAt;

    /** A host whose cores or devices ranks share. */
    private static final class Host {
        final List<Task> active = new ArrayList<>();
        /** For each device, when the kernels that it has been given so far are done. */
        final double[] deviceFree;
        /** Work done since the start by a task that is always active, and when that was brought up to date. */
        double given;

        double at;

        Host(int devices) {
            deviceFree = new double[devices];
        }
    }

    /**
     * A task that ends.
     *
     * @param task the task
     * @param time when, in seconds
     */
    record End(Task task, double time) {}

    /** A segment that waits for its device or runs on it. */
    static final class Task {
        final Chain chain;
        final String name;
        final TaskCost cost;
        double start;
        /** When it ends, as far as is known; on a shared host, how much a task has been given by then. */
        double due;
        /** The log entry that the task waited for: of its chain, or of the task that kept the stream busy. */
        int cause;
        /** Number of kernels that the device has been given, and whether it is working on the last of them. */
        private int given;
        private boolean inKernel;
        private final int step;

        Task(Chain chain, String name, TaskCost cost) {
            this.chain = chain;
            this.name = name;
            this.cost = cost;
            cause = chain.entry;
            step = chain.step;
        }
    }

    ComputeStreams(Cluster cluster, int devices) {
        this.cluster = cluster;
        queues = cluster.host().queues();
        shared = cluster.host().shared() && !queues;
        hosts = new Host[1 + IntStream.range(0, devices).map(cluster::nodeOf).max().orElse(0)];
        Arrays.setAll(hosts, node -> new Host(Math.max(1, cluster.host().devices())));
        placeInNode = new int[devices];
        int[] placed = new int[hosts.length];
        Arrays.setAll(placeInNode, device -> placed[cluster.nodeOf(device)]++);
        collectiveUntil = new double[devices];
        running = new Task[devices];
        ended = new Task[devices];
        endedAt = new double[devices];
        for (int i = 0; i < devices; i++) {
            pending.add(new ArrayList<>(2));
        }
    }

    void add(int device, Task task) {
        pending.get(device).add(task);
    }

    boolean idle(int device) {
        return running[device] == null;
    }

    /**
     * Starts the waiting task whose chain is furthest behind, if the stream is free.
     *
     * @return the task; empty if the stream is busy or nothing waits for it
     */
    Optional<Task> choose(int device, double now) {
        List<Task> waiting = pending.get(device);
        if (running[device] != null || waiting.isEmpty()) {
            return Optional.empty();
        }
        Task first = waiting.getFirst();
        for (Task task : waiting) {
            if (goesOn(device, task, now)) {
                first = task;
                break;
            }
            if (task.chain.before(first.chain)) {
                first = task;
            }
        }
        waiting.remove(first);
        running[device] = first;
        first.start = now;
        Host host = host(device);
        if (shared) {
            bring(host, now);
            first.due = host.given + first.cost.seconds();
        }
        if (shared || queues) {
            host.active.add(first);
        } else {
            double seconds = first.cost.seconds();
            first.due = now + seconds + lost(device, now, seconds);
        }
        return Optional.of(first);
    }

    /**
     * Whether the thread of a rank goes straight on with this task. As in the executor, it leaves a chain only when the
     * chain has to wait or ends its step, so what a segment computed is sent before another micro-batch computes.
     */
    private boolean goesOn(int device, Task task, double now) {
        Task before = ended[device];
        return (shared || queues)
                && before != null
                && endedAt[device] == now
                && before.chain.equals(task.chain)
                && before.step == task.chain.step;
    }

    /**
     * The host starts the next kernel of a task; only if ranks queue for devices.
     *
     * @param device of the task's rank
     * @return when the device is given it; empty if the task has no more kernels
     */
    OptionalDouble nextKernel(int device, Task task, double now) {
        TaskCost cost = task.cost;
        task.inKernel = false;
        if (task.given == cost.kernels().size()) {
            return OptionalDouble.empty();
        }
        double transfer = task.given == 0 ? cost.transferSeconds() : 0;
        int launching =
                (int) host(device).active.stream().filter(t -> !t.inKernel && !t.cost.kernels().isEmpty()).count();
        return OptionalDouble.of(
                now + transfer + cost.hostSecondsPerKernel() * cluster.host().slowdown(Math.max(1, launching)));
    }

    /**
     * Gives a kernel to a device. The device runs kernels one after the other in the order in which they come, and does
     * not interrupt them. A kernel that waits for one position after the other leaves room for others.
     *
     * @return when the kernel is done
     */
    double enqueue(int rankDevice, Task task, double now) {
        double[] deviceFree = host(rankDevice).deviceFree;
        int device = placeInNode[rankDevice] % deviceFree.length;
        TaskCost.Kernel kernel = task.cost.kernels().get(task.given);
        double start = Math.max(now, deviceFree[device]);
        deviceFree[device] = start + kernel.filling();
        task.given++;
        task.inKernel = true;
        return start + kernel.seconds();
    }

    /**
     * A collective takes its share of a device until some time; a running task goes on with the rest.
     *
     * @return the running task, if it ends later than it would have
     */
    Optional<Task> collective(int device, double now, double until) {
        if (shared || queues || until <= collectiveUntil[device]) {
            return Optional.empty();
        }
        // Another one, of another rank on the device, may be under way: it takes no second share.
        double since = Math.max(now, collectiveUntil[device]);
        collectiveUntil[device] = until;
        Task task = running[device];
        if (task == null) {
            return Optional.empty();
        }
        double before = task.due;
        task.due += lost(device, since, before - since);
        return task.due > before ? Optional.of(task) : Optional.empty();
    }

    /** How much longer work takes that would take some seconds from a time on, for collectives beside it. */
    private double lost(int device, double since, double seconds) {
        if (collectiveUntil[device] <= since || seconds <= 0) {
            return 0;
        }
        double share = cluster.kindOf(device).collectiveShare();
        return share * Math.min(collectiveUntil[device] - since, seconds / (1 - share));
    }

    /** Ends the running task of a device. Tasks that still wait for the device do so because of {@code entry}. */
    void end(int device, double now, int entry) {
        Host host = host(device);
        if (shared) {
            bring(host, now);
        }
        if (shared || queues) {
            host.active.remove(running[device]);
        }
        ended[device] = running[device];
        endedAt[device] = now;
        running[device] = null;
        for (Task task : pending.get(device)) {
            task.cause = entry;
        }
    }

    private Host host(int device) {
        return hosts[cluster.nodeOf(device)];
    }

    private void bring(Host host, double now) {
        if (!host.active.isEmpty()) {
            host.given += (now - host.at) / cluster.host().slowdown(host.active.size());
        }
        host.at = now;
    }

    /** The task of all shared hosts that ends next, if no other task starts before that, and when. */
    Optional<End> next(double now) {
        return Arrays.stream(hosts).flatMap(host -> next(host, now).stream())
                .min(Comparator.comparingDouble(End::time));
    }

    private Optional<End> next(Host host, double now) {
        bring(host, now);
        return host.active.stream()
                .min(Comparator.comparingDouble(task -> task.due))
                .map(task -> new End(task,
                        now + Math.max(0, task.due - host.given) * cluster.host().slowdown(host.active.size())));
    }
}
