package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.DoubleConsumer;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;

/**
 * Runs programs without data, event by event. Each device has a compute stream and each rank a transfer stream; each
 * does one thing at a time. As in the executor, a micro-batch that waits makes room for the others.
 */
final class Engine {
    private final Programs programs;
    private final Work work;
    private final Ports ports;
    private final Cluster cluster;
    private final int steps;
    private final boolean shared;
    private final boolean queues;
    private final Variation variation;
    private final double hostLatency;
    private final double hostBytesPerSecond;
    private final ComputeStreams compute;
    private final Log log = new Log();
    private final EventQueue events = new EventQueue();
    private final Chain[][] chains;
    private final Transfers transfers;
    private final double[] bytesSent;
    private final Map<Long, Meeting> meetings = new HashMap<>();
    private final SampleListener samples;
    private final DoubleSupplier until;
    private long sharedStamp;

    /** Told when a micro-batch of a rank has its tokens. */
    interface SampleListener {
        void sampled(int rank, int microBatch, int step, double time, int entry);
    }

    /** Members of a collective that have arrived. */
    private static final class Meeting {
        final List<Chain> arrived = new ArrayList<>();
        double ready;
        int cause = Log.NONE;
    }

    /** @param until when everything may end before its time */
    Engine(
            Programs programs, Work work, Cluster cluster, int steps, SampleListener samples, DoubleSupplier until) {
        this.until = until;
        this.programs = programs;
        this.work = work;
        this.cluster = cluster;
        ports = new Ports(cluster, this::at);
        this.steps = steps;
        this.samples = samples;
        shared = cluster.host().shared();
        queues = cluster.host().queues();
        variation = new Variation(cluster.host().variation());
        hostLatency = cluster.links().intraNode().latencySeconds();
        hostBytesPerSecond = cluster.links().intraNode().bytesPerSecond();
        compute = new ComputeStreams(cluster, 1 + Arrays.stream(programs.device).max().orElse(0));
        chains = new Chain[programs.ranks][programs.microBatches];
        transfers = new Transfers(programs.ranks);
        bytesSent = new double[programs.ranks];
        for (int rank = 0; rank < programs.ranks; rank++) {
            int[] messages = Arrays.stream(programs.ops[rank])
                    .mapToInt(op -> op instanceof Op.Recv(List<Integer> from, Tensor t, int l) ? from.size() : 0)
                    .toArray();
            for (int m = 0; m < programs.microBatches; m++) {
                chains[rank][m] = new Chain(rank, m, programs.legs[rank], messages);
            }
        }
    }

    /**
     * Runs all steps, or those before the end that was set.
     *
     * @return what happened
     * @throws IllegalStateException if the programs wait for each other
     */
    Log run() {
        for (Chain[] ofRank : chains) {
            for (Chain chain : ofRank) {
                // In order, each is woken by the one before it: woken twice, it would run twice.
                if (!programs.inOrder || chain.microBatch == 0) {
                    go(chain, 0);
                }
            }
        }
        while (!events.isEmpty()) {
            double now = events.nextTime();
            if (now > until.getAsDouble()) {
                return log;
            }
            events.poll().accept(now);
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

    private void at(double time, DoubleConsumer what) {
        events.add(time, false, what);
    }

    private void go(Chain chain, double time) {
        at(time, now -> advance(chain, now));
    }

    /** A device takes its next task, after everything that happens at the same time. */
    private void chooseAfter(Chain chain, double time) {
        events.add(time, true, now -> choose(chain.rank, now));
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
            if (programs.inOrder && !first(chain)) {
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
            if (programs.inOrder) {
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
                TaskCost cost = variation.of(
                        work.compute(chain.rank, segment, chain.microBatch, chain.step), chain);
                yield cost.seconds() == 0 || start(chain, new ComputeStreams.Task(chain, segment, cost), now);
            }
            case Op.Send(List<Integer> to, Tensor tensor, int layer) -> send(chain, programs.to[chain.rank][chain.op],
                    tensor, layer, now);
            case Op.Recv(List<Integer> from, Tensor tensor, int layer) -> receive(chain, from, tensor, now);
            case Op.Collective together -> meet(chain, together, now);
            case Op.Sample() -> {
                samples.sampled(chain.rank, chain.microBatch, chain.step, now, chain.entry);
                yield true;
            }
        };
    }

    // Computing

    private boolean start(Chain chain, ComputeStreams.Task task, double now) {
        compute.add(programs.device[chain.rank], task);
        chooseAfter(chain, now);
        return false;
    }

    private void choose(int rank, double now) {
        compute.choose(programs.device[rank], now).ifPresent(task -> {
            if (queues) {
                launch(task, now);
            } else if (shared) {
                plan(now);
            } else {
                awaitEnd(task);
            }
        });
    }

    /** A collective that begins meanwhile makes a task end later than was known; only its last end counts. */
    private void awaitEnd(ComputeStreams.Task task) {
        at(task.due, end -> {
            if (task.due == end) {
                computed(task, end);
            }
        });
    }

    /** Starts the next kernel of a task, or ends it; a task without kernels is the host's alone. */
    private void launch(ComputeStreams.Task task, double now) {
        int device = programs.device[task.chain.rank];
        OptionalDouble next = compute.nextKernel(device, task, now);
        if (next.isPresent()) {
            at(next.getAsDouble(), given -> at(compute.enqueue(device, task, given), done -> launch(task, done)));
        } else {
            at(task.cost.kernels().isEmpty() ? now + task.cost.seconds() : now, end -> computed(task, end));
        }
    }

    /** Plans the end of the task of shared hosts that is done first; what was planned before no longer holds. */
    private void plan(double now) {
        long stamp = ++sharedStamp;
        compute.next(now).ifPresent(next -> at(next.time(), end -> {
            if (stamp == sharedStamp) {
                computed(next.task(), end);
            }
        }));
    }

    private void computed(ComputeStreams.Task task, double now) {
        Chain chain = task.chain;
        chain.entry = log.add(chain.entry(task.name, Optional.of(task.cost), task.start, now, task.cause));
        compute.end(programs.device[chain.rank], now, chain.entry);
        if (shared && !queues) {
            plan(now);
        }
        if (programs.ops[chain.rank][chain.op] instanceof Op.Send send) {
            int[] receivers = programs.receivers(send.tensor(), send.layer());
            for (int to : send.to()) {
                if (!sameHost(chain.rank, to)) {
                    continue;
                }
                // A thread at work looks for messages when it is done; one that sleeps has to be woken.
                double latency = compute.idle(programs.device[to]) ? hostLatency : 0;
                arrive(chain.microBatch, chain.step, to, send.tensor(), receivers[to], now + latency, chain.entry);
            }
        }
        passed(chain, now);
        advance(chain, now);
        chooseAfter(chain, now);
    }

    // Point to point

    private boolean send(Chain chain, int[] to, Tensor tensor, int layer, double now) {
        double[] messages = new double[to.length];
        work.messageBytes(chain.rank, to, tensor, layer, chain.microBatch, chain.step, messages);
        for (double message : messages) {
            bytesSent[chain.rank] += message;
        }
        if (!shared) {
            leave(chain, to, tensor, layer, messages, now);
            return true;
        }
        // What stays on the host is moved by its cores, and the rest leaves by its network meanwhile.
        int[] far = IntStream.range(0, to.length).filter(i -> !sameHost(chain.rank, to[i])).toArray();
        double near = IntStream.range(0, to.length)
                .filter(i -> sameHost(chain.rank, to[i]))
                .mapToDouble(i -> messages[i])
                .sum();
        if (far.length > 0) {
            leave(chain, IntStream.of(far).map(i -> to[i]).toArray(), tensor, layer,
                    IntStream.of(far).mapToDouble(i -> messages[i]).toArray(), now);
            if (far.length == to.length) {
                return true;
            }
        }
        return start(chain,
                new ComputeStreams.Task(chain, tensor.label(), TaskCost.transfer(near / hostBytesPerSecond)), now);
    }

    private boolean sameHost(int rank, int other) {
        return cluster.nodeOf(programs.device[rank]) == cluster.nodeOf(programs.device[other]);
    }

    private void leave(Chain chain, int[] to, Tensor tensor, int layer, double[] messages, double now) {
        int[] devices = new int[to.length];
        Arrays.setAll(devices, i -> programs.device[to[i]]);
        Sent sent = new Sent(chain, to, tensor, programs.receivers(tensor, layer));
        transfers.add(new int[] {chain.rank}, now, (begin, ended) -> {
            sent.entry = log.add(new Log.Entry(
                    chain.rank, sent.microBatch, sent.step, tensor.label(), Optional.empty(), begin, begin,
                    sent.cause));
            ports.send(programs.device[chain.rank], devices, messages, begin, new Ports.Delivery() {
                @Override
                public void arrives(int message, double time) {
                    sent.arrives(message, time);
                }

                @Override
                public void left(double time) {
                    // The stream is free at the end of the ports; after that comes the way, which messages share.
                    log.endAt(sent.entry, time);
                    at(time, ended::at);
                }
            });
        });
    }

    /** Messages on their way: what the sender was at when it sent them. */
    private final class Sent {
        final int microBatch;
        final int step;
        final int cause;
        private final int[] to;
        private final Tensor tensor;
        private final int[] receivers;
        int entry = Log.NONE;

        Sent(Chain sender, int[] to, Tensor tensor, int[] receivers) {
            microBatch = sender.microBatch;
            step = sender.step;
            cause = sender.entry;
            this.to = to;
            this.tensor = tensor;
            this.receivers = receivers;
        }

        void arrives(int message, double time) {
            int rank = to[message];
            arrive(microBatch, step, rank, tensor, receivers[rank], time, entry);
        }
    }

    /** @param op index of the operation that receives it */
    private void arrive(int microBatch, int sentIn, int to, Tensor tensor, int op, double time, int entry) {
        Chain receiver = chains[to][microBatch];
        // Tokens are for the step after the one in which they were sampled.
        int step = tensor == Tensor.TOKENS ? sentIn + 1 : sentIn;
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
        if (from.isEmpty() || (tensor == Tensor.TOKENS && chain.step == 0)) {
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
        Log.Entry sending = log.get(sent);
        int cause = sending.computed().isEmpty() ? sending.cause() : sent;
        double start = cause == Log.NONE ? sending.start() : log.end(cause);
        return log.add(new Log.Entry(
                Log.NONE, chain.microBatch, chain.step, tensor.label(), Optional.empty(), start, arrival, cause));
    }

    // Collectives

    private boolean meet(Chain chain, Op.Collective op, double now) {
        List<Integer> group = op.group();
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
        double seconds = work.collectiveSeconds(op, programs.memberDevices.get(number), chain.microBatch, chain.step);
        int[] ranks = meeting.arrived.stream().mapToInt(member -> member.rank).toArray();
        transfers.add(ranks, now, (begin, ended) -> {
            together(meeting, op, begin, begin + seconds);
            at(begin + seconds, ended::at);
        });
        return false;
    }

    private void together(Meeting meeting, Op.Collective op, double start, double end) {
        String name = (op instanceof Op.AllReduce ? "all-reduce " : "all-to-all ") + op.tensor().label();
        for (Chain member : meeting.arrived) {
            compute.collective(programs.device[member.rank], start, end).ifPresent(this::awaitEnd);
            bytesSent[member.rank] += work.collectiveBytes(member.rank, op, member.microBatch, member.step);
            member.entry = log.add(member.entry(name, Optional.empty(), start, end, meeting.cause));
            member.op++;
            if (member.op == programs.ops[member.rank].length) {
                throw new IllegalStateException("program: rank %d ends with a collective".formatted(member.rank));
            }
            go(member, end);
        }
    }
}
