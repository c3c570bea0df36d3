package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Runs programs without data, event by event. Each device has a compute stream and each rank a transfer stream; each
 * does one thing at a time. As in the executor, a micro-batch that waits makes room for the others.
 */
final class Engine {
    /** A chain goes on. */
    private static final int GO = 0;
    /** A task on a device of its own ends. */
    private static final int COMPUTED = 1;
    /** The next task of a shared host ends, unless the event is outdated. */
    private static final int SHARED = 2;
    /** A device takes its next task; after all that happens at the same time. */
    private static final int CHOOSE = 3;
    /** A device that ranks queue for is given a kernel. */
    private static final int KERNEL = 4;
    /** It is done with one. */
    private static final int KERNEL_DONE = 5;

    private final Programs programs;
    private final Work work;
    private final Network network;
    private final int steps;
    private final boolean inOrder;
    private final boolean shared;
    private final boolean queues;
    private final Variation variation;
    private final double hostLatency;
    private final double hostBytesPerSecond;
    private final ComputeStreams compute;
    private final Log log = new Log();
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private final Chain[][] chains;
    private final double[] transferFree;
    private final double[] bytesSent;
    private final Map<Long, Meeting> meetings = new HashMap<>();
    private final SampleListener samples;
    private long sequence;
    private long sharedStamp;

    /** Told when a micro-batch of a rank has its tokens. */
    interface SampleListener {
        void sampled(int rank, int microBatch, int step, double time, int entry);
    }

    private record Event(double time, int kind, long sequence, Chain chain, ComputeStreams.Task task, long stamp)
            implements
                Comparable<Event> {
        @Override
        public int compareTo(Event o) {
            int byTime = Double.compare(time, o.time);
            if (byTime != 0) {
                return byTime;
            }
            boolean last = kind == CHOOSE;
            boolean otherLast = o.kind == CHOOSE;
            return last != otherLast ? Boolean.compare(last, otherLast) : Long.compare(sequence, o.sequence);
        }
    }

    /** Members of a collective that have arrived. */
    private static final class Meeting {
        final List<Chain> arrived = new ArrayList<>();
        double ready;
        int cause = Log.NONE;
    }

    /**
     * @param inOrder whether a rank ends its program for a micro-batch before it takes the next one
     * @param cluster devices; where they are threads of one host, those move data themselves
     */
    Engine(
            Programs programs,
            Work work,
            Network network,
            int microBatches,
            int steps,
            boolean inOrder,
            Cluster cluster,
            SampleListener samples) {
        this.programs = programs;
        this.work = work;
        this.network = network;
        this.steps = steps;
        this.inOrder = inOrder;
        this.samples = samples;
        shared = cluster.host().shared();
        queues = cluster.host().queues();
        variation = new Variation(cluster.host().variation());
        hostLatency = cluster.intraNode().latencySeconds();
        hostBytesPerSecond = cluster.intraNode().bytesPerSecond();
        compute = new ComputeStreams(cluster, 1 + Arrays.stream(programs.device).max().orElse(0));
        chains = new Chain[programs.ranks][microBatches];
        transferFree = new double[programs.ranks];
        bytesSent = new double[programs.ranks];
        for (int rank = 0; rank < programs.ranks; rank++) {
            int[] messages = Arrays.stream(programs.ops[rank])
                    .mapToInt(op -> op instanceof Op.Recv(List<Integer> from, Tensor t, int l) ? from.size() : 0)
                    .toArray();
            for (int m = 0; m < microBatches; m++) {
                chains[rank][m] = new Chain(rank, m, messages);
            }
        }
    }

    /**
     * Runs all steps.
     *
     * @return what happened
     * @throws IllegalStateException if the programs wait for each other
     */
    Log run() {
        for (Chain[] ofRank : chains) {
            for (Chain chain : ofRank) {
                // In order, each is woken by the one before it: woken twice, it would run twice.
                if (!inOrder || chain.microBatch == 0) {
                    go(chain, 0);
                }
            }
        }
        while (!events.isEmpty()) {
            Event event = events.poll();
            switch (event.kind()) {
                case GO -> advance(event.chain(), event.time());
                case COMPUTED -> computed(event.task(), event.time());
                case SHARED -> {
                    if (event.stamp() == sharedStamp) {
                        computed(event.task(), event.time());
                    }
                }
                case CHOOSE -> choose(event.chain().rank, event.time());
                case KERNEL -> events.add(new Event(
                        compute.enqueue(programs.device[event.chain().rank], event.task(), event.time()), KERNEL_DONE,
                        sequence++, event.chain(), event.task(), 0));
                case KERNEL_DONE -> launch(event.task(), event.time());
                default -> throw new IllegalStateException("event " + event);
            }
        }
        for (Chain[] ofRank : chains) {
            for (Chain chain : ofRank) {
                if (chain.step < steps) {
                    throw new IllegalStateException("simulation: rank %d waits for ever at %s, step %d"
                            .formatted(chain.rank, programs.ops[chain.rank][chain.op], chain.step));
                }
            }
        }
        return log;
    }

    /** Bytes that a rank sent in all steps. */
    double bytesSent(int rank) {
        return bytesSent[rank];
    }

    private void go(Chain chain, double time) {
        events.add(new Event(time, GO, sequence++, chain, null, 0));
    }

    /** Whether it is a micro-batch's turn where they take turns step by step. */
    private boolean first(Chain chain) {
        for (Chain other : chains[chain.rank]) {
            boolean before = other.step < chain.step
                    || (other.step == chain.step && other.microBatch < chain.microBatch);
            if (other.step < steps && before) {
                return false;
            }
        }
        return true;
    }

    /** Runs a chain until it waits for something. */
    private void advance(Chain chain, double now) {
        Op[] ops = programs.ops[chain.rank];
        while (chain.step < steps) {
            if (inOrder && !first(chain)) {
                return;
            }
            if (!execute(chain, ops[chain.op], now)) {
                return;
            }
            passed(chain, now);
        }
    }

    private void passed(Chain chain, double now) {
        chain.op++;
        if (chain.op == programs.ops[chain.rank].length) {
            chain.op = 0;
            chain.step++;
            if (inOrder) {
                for (Chain other : chains[chain.rank]) {
                    if (other != chain && other.step < steps && first(other)) {
                        other.entry = later(other.entry, chain.entry);
                        go(other, now);
                    }
                }
            }
        }
    }

    private int later(int a, int b) {
        if (a == Log.NONE || b == Log.NONE) {
            return Math.max(a, b);
        }
        return log.end(b) > log.end(a) ? b : a;
    }

    /** Executes an operation; false if the chain goes on by an event. */
    private boolean execute(Chain chain, Op op, double now) {
        return switch (op) {
            case Op.Compute(String segment) -> {
                Duration duration = variation.of(
                        work.compute(chain.rank, segment, chain.microBatch, chain.step), chain);
                yield duration.seconds() == 0
                        || start(chain, new ComputeStreams.Task(chain, segment, duration), now);
            }
            case Op.Send(List<Integer> to, Tensor tensor, int layer) -> send(chain, to, tensor, layer, now);
            case Op.Recv(List<Integer> from, Tensor tensor, int layer) -> receive(chain, from, tensor, now);
            case Op.AllReduce(List<Integer> group, Tensor t, int l) -> meet(chain, op, group, now);
            case Op.AllToAll(List<Integer> group, Tensor t, int l) -> meet(chain, op, group, now);
            case Op.Sample() -> {
                samples.sampled(chain.rank, chain.microBatch, chain.step, now, chain.entry);
                yield true;
            }
        };
    }

    // Computing

    private boolean start(Chain chain, ComputeStreams.Task task, double now) {
        compute.add(programs.device[chain.rank], task);
        events.add(new Event(now, CHOOSE, sequence++, chain, null, 0));
        return false;
    }

    private void choose(int rank, double now) {
        ComputeStreams.Task task = compute.choose(programs.device[rank], now);
        if (task == null) {
            return;
        }
        if (queues) {
            launch(task, now);
        } else if (shared) {
            plan(now);
        } else {
            events.add(new Event(now + task.duration.seconds(), COMPUTED, sequence++, task.chain, task, 0));
        }
    }

    /** Starts the next kernel of a task, or ends it; a task without kernels is the host's alone. */
    private void launch(ComputeStreams.Task task, double now) {
        double next = compute.nextKernel(task, now);
        if (!Double.isNaN(next)) {
            events.add(new Event(next, KERNEL, sequence++, task.chain, task, 0));
        } else {
            double end = task.duration.kernels().isEmpty() ? now + task.duration.seconds() : now;
            events.add(new Event(end, COMPUTED, sequence++, task.chain, task, 0));
        }
    }

    /** Plans the end of the task of a shared host that is done first. */
    private void plan(double now) {
        ComputeStreams.Task next = compute.next();
        sharedStamp++;
        if (next != null) {
            events.add(
                    new Event(compute.nextEnd(next, now), SHARED, sequence++, next.chain, next, sharedStamp));
        }
    }

    private void computed(ComputeStreams.Task task, double now) {
        Chain chain = task.chain;
        chain.entry = log.add(
                chain.rank, chain.microBatch, chain.step, task.name, task.duration, task.start, now, task.cause);
        compute.end(programs.device[chain.rank], now, chain.entry);
        if (shared && !queues) {
            plan(now);
        }
        if (programs.ops[chain.rank][chain.op] instanceof Op.Send send) {
            int[] receivers = programs.receivers(send.tensor(), send.layer());
            for (int to : send.to()) {
                // A thread at work looks for messages when it is done; one that sleeps has to be woken.
                double latency = compute.idle(programs.device[to]) ? hostLatency : 0;
                arrive(chain, to, send.tensor(), receivers[to], now + latency, chain.entry);
            }
        }
        passed(chain, now);
        advance(chain, now);
        events.add(new Event(now, CHOOSE, sequence++, chain, null, 0));
    }

    // Point to point

    private boolean send(Chain chain, List<Integer> to, Tensor tensor, int layer, double now) {
        double[] messages = new double[to.size()];
        work.messageBytes(chain.rank, to, tensor, layer, chain.microBatch, chain.step, messages);
        double bytes = Arrays.stream(messages).sum();
        bytesSent[chain.rank] += bytes;
        if (shared) {
            return start(chain,
                    new ComputeStreams.Task(chain, name(tensor), Duration.transfer(bytes / hostBytesPerSecond)), now);
        }
        double start = Math.max(now, transferFree[chain.rank]);
        Network.Sending sending = network.new Sending(programs.device[chain.rank], start);
        double[] arrivals = new double[messages.length];
        for (int i = 0; i < arrivals.length; i++) {
            arrivals[i] = sending.send(programs.device[to.get(i)], messages[i]);
        }
        transferFree[chain.rank] = sending.end();
        // The stream is free at the end of the ports; what comes after that is the way, which other messages share.
        int entry = log.add(
                chain.rank, chain.microBatch, chain.step, name(tensor), null, start, sending.end(), chain.entry);
        int[] receivers = programs.receivers(tensor, layer);
        for (int i = 0; i < arrivals.length; i++) {
            arrive(chain, to.get(i), tensor, receivers[to.get(i)], arrivals[i], entry);
        }
        return true;
    }

    private static String name(Tensor tensor) {
        return tensor.name().toLowerCase(java.util.Locale.ROOT);
    }

    /** @param op index of the operation that receives it */
    private void arrive(Chain sender, int to, Tensor tensor, int op, double time, int entry) {
        Chain receiver = chains[to][sender.microBatch];
        // Tokens are for the step after the one in which they were sampled.
        int step = tensor == Tensor.TOKENS ? sender.step + 1 : sender.step;
        int parity = step & 1;
        if (time >= receiver.arrival[parity][op]) {
            receiver.arrival[parity][op] = time;
            receiver.arrivalEntry[parity][op] = entry;
        }
        receiver.missing[parity][op]--;
        if (receiver.missing[parity][op] == 0 && receiver.waits && receiver.op == op && receiver.step == step) {
            receiver.waits = false;
            go(receiver, receiver.arrival[parity][op]);
        }
    }

    private boolean receive(Chain chain, List<Integer> from, Tensor tensor, double now) {
        if (tensor == Tensor.TOKENS && chain.step == 0) {
            return true;
        }
        int parity = chain.step & 1;
        if (chain.missing[parity][chain.op] > 0) {
            chain.waits = true;
            return false;
        }
        double arrival = chain.arrival[parity][chain.op];
        if (arrival > now) {
            go(chain, arrival);
            return false;
        }
        int entry = chain.arrivalEntry[parity][chain.op];
        // It was waited for if nothing that the chain did before ended as late.
        if (chain.entry == Log.NONE || arrival > log.end(chain.entry)) {
            chain.entry = arrived(chain, entry, tensor, arrival);
        }
        chain.missing[parity][chain.op] = from.size();
        chain.arrival[parity][chain.op] = 0;
        return true;
    }

    /** The way of the message that came last, as an entry of its own: from when the sender was ready to its arrival. */
    private int arrived(Chain chain, int sent, Tensor tensor, double arrival) {
        int cause = log.computed(sent) == null ? log.cause(sent) : sent;
        double start = cause == Log.NONE ? log.start(sent) : log.end(cause);
        return log.add(Log.NONE, chain.microBatch, chain.step, name(tensor), null, start, arrival, cause);
    }

    // Collectives

    private boolean meet(Chain chain, Op op, List<Integer> group, double now) {
        if (group.size() == 1 || work.skips(chain.rank, op, chain.microBatch, chain.step)) {
            return true;
        }
        int number = programs.collective[chain.rank][chain.op];
        long key = ((long) number * chains[0].length + chain.microBatch) * steps + chain.step;
        Meeting meeting = meetings.computeIfAbsent(key, k -> new Meeting());
        meeting.arrived.add(chain);
        if (now >= meeting.ready) {
            meeting.ready = now;
            meeting.cause = chain.entry;
        }
        if (meeting.arrived.size() < group.size()) {
            return false;
        }
        meetings.remove(key);
        double start = meeting.ready;
        for (Chain member : meeting.arrived) {
            start = Math.max(start, transferFree[member.rank]);
        }
        double end = start
                + work.collectiveSeconds(
                        op, group, programs.memberDevices.get(number), chain.microBatch, chain.step);
        String name = nameOf(op);
        for (Chain member : meeting.arrived) {
            transferFree[member.rank] = end;
            bytesSent[member.rank] +=
                    work.collectiveBytes(member.rank, op, group, member.microBatch, member.step);
            member.entry =
                    log.add(member.rank, member.microBatch, member.step, name, null, start, end, meeting.cause);
            member.op++;
            if (member.op == programs.ops[member.rank].length) {
                throw new IllegalStateException("program: rank %d ends with a collective".formatted(member.rank));
            }
            go(member, end);
        }
        return false;
    }

    private static String nameOf(Op op) {
        return switch (op) {
            case Op.AllReduce(List<Integer> g, Tensor tensor, int l) -> "all-reduce " + name(tensor);
            case Op.AllToAll(List<Integer> g, Tensor tensor, int l) -> "all-to-all " + name(tensor);
            default -> throw new IllegalArgumentException(op + " is no collective");
        };
    }
}
