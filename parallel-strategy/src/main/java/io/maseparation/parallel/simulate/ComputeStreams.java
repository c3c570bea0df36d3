package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import java.util.ArrayList;
import java.util.List;

/**
 * The compute streams of all devices: which chain runs, and how fast. Devices of their own run at full speed. Where
 * devices are threads of one host, those at work slow each other down: an operation that has the host to itself may use all
 * of its cores already (processor sharing, Kleinrock 1976).
 */
final class ComputeStreams {
    private final Cluster cluster;
    private final boolean shared;
    private final List<List<Task>> pending = new ArrayList<>();
    private final Task[] running;
    private final List<Task> active = new ArrayList<>();
    /** Work that each active task has been given since the start, and when that was brought up to date. */
    private double given;

    private double at;

    /** A segment that waits for its device or runs on it. */
    static final class Task {
        final Chain chain;
        final String name;
        final Duration duration;
        double start;
        private double due;
        /** Entry that kept the stream busy before, if that is what it waited for. */
        int cause;

        Task(Chain chain, String name, Duration duration) {
            this.chain = chain;
            this.name = name;
            this.duration = duration;
            cause = chain.entry;
        }
    }

    ComputeStreams(Cluster cluster, int devices) {
        this.cluster = cluster;
        shared = cluster.host().shared();
        running = new Task[devices];
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
     * @return the task, or null
     */
    Task choose(int device, double now) {
        List<Task> waiting = pending.get(device);
        if (running[device] != null || waiting.isEmpty()) {
            return null;
        }
        Task first = waiting.getFirst();
        for (Task task : waiting) {
            if (task.chain.before(first.chain)) {
                first = task;
            }
        }
        waiting.remove(first);
        running[device] = first;
        first.start = now;
        if (shared) {
            bring(now);
            first.due = given + first.duration.seconds();
            active.add(first);
        }
        return first;
    }

    /** Ends the running task of a device. Those that still wait for it wait because of {@code entry}. */
    void end(int device, double now, int entry) {
        if (shared) {
            bring(now);
            active.remove(running[device]);
        }
        running[device] = null;
        for (Task task : pending.get(device)) {
            task.cause = entry;
        }
    }

    private void bring(double now) {
        if (!active.isEmpty()) {
            given += (now - at) / cluster.host().slowdown(active.size());
        }
        at = now;
    }

    /** The active task that ends next on a shared host, if nothing starts before; null if there is none. */
    Task next() {
        Task next = null;
        for (Task task : active) {
            if (next == null || task.due < next.due) {
                next = task;
            }
        }
        return next;
    }

    /** When that is. */
    double nextEnd(Task task, double now) {
        bring(now);
        return now + Math.max(0, task.due - given) * cluster.host().slowdown(active.size());
    }
}
