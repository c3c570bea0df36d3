package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.moe.segments.Segment;
import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.Tensor;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Runs one rank's program: a chain for each micro-batch, each through all steps, switching to another chain wherever one
 * has to wait. Which chain goes first never changes a result, since rows do not depend on each other's order.
 */
public final class RankWorker {
    private final Plan plan;
    private final RankPlan rankPlan;
    private final ModelConfig config;
    private final RankDevice device;
    private final RankBuffers buffers;
    private final Communicator comm;
    private final Recorder recorder;
    private final Recorder.RankLog log;
    private final Shares shares;
    private final ExpertExchange exchange;
    private final TokenSampler sampler;
    private final Heartbeat heartbeat;
    private final TransferLog transfers;
    private final int[] lastToken;
    private final Map<String, Integer> routes = new HashMap<>();
    private final Set<String> outputs = new HashSet<>();
    private final Map<String, Integer> expertLayers = new HashMap<>();

    private List<Step> steps;
    private int firstStep;

    public RankWorker(Deployment deployment, int rank, RunContext context) {
        this.plan = deployment.plan();
        this.rankPlan = plan.ranks().get(rank);
        this.config = plan.config();
        this.device = deployment.rankDevice(rank);
        this.buffers = device.buffers();
        this.comm = context.comm();
        this.recorder = context.recorder();
        this.log = recorder.rank(rank);
        this.shares = deployment.shares();
        this.heartbeat = context.heartbeat();
        this.transfers = new TransferLog(rankPlan, log, recorder.transfers());
        this.exchange = new ExpertExchange(
                config, plan.placement(), buffers, rank, rankPlan.group(), context.operationsPerByte());
        this.lastToken = new int[context.workload().prompts().size()];
        this.sampler = new TokenSampler(config, rankPlan, device, context, lastToken);
        for (Segment segment : rankPlan.segments()) {
            for (Part part : segment.parts()) {
                if (part instanceof Part.Route(int layer, boolean export)) {
                    routes.put(segment.name(), layer);
                }
                if (part instanceof Part.Output) {
                    outputs.add(segment.name());
                }
                if (part instanceof Part.Experts(int layer, boolean received) && received) {
                    expertLayers.put(segment.name(), layer);
                }
            }
        }
    }

    /** Sets the token that each sequence continues with; for the start of a run of steps. */
    public void setLastTokens(int[] tokens) {
        System.arraycopy(tokens, 0, lastToken, 0, tokens.length);
    }

    /**
     * Runs all steps.
     *
     * @param steps what to run
     * @param firstStep number of the first of them since the start of the run
     */
    void run(List<Step> steps, int firstStep) throws InterruptedException {
        this.steps = steps;
        this.firstStep = firstStep;
        List<Chain> chains = new ArrayList<>();
        for (int m = 0; m < plan.batching().microBatches(); m++) {
            chains.add(new Chain(m));
        }
        List<Chain> open = new ArrayList<>(chains);
        while (!open.isEmpty()) {
            long seen = comm.arrivals(rankPlan.rank());
            // The chain that is furthest behind goes first, so that no micro-batch starves.
            open.sort(Comparator.comparingInt((Chain c) -> c.step)
                    .thenComparingInt(c -> plan.inOrder() ? 0 : c.op)
                    .thenComparingInt(c -> c.microBatch));
            boolean moved = false;
            for (Chain chain : open) {
                if (advance(chain)) {
                    moved = true;
                    break;
                }
                if (plan.inOrder()) {
                    break;
                }
            }
            open.removeIf(c -> c.step == steps.size());
            if (!moved && !open.isEmpty()) {
                heartbeat.waits(rankPlan.rank());
                comm.awaitArrival(rankPlan.rank(), seen);
            }
        }
        heartbeat.waits(rankPlan.rank());
    }

    /** Runs a chain until it waits or ends its step; whether it did anything. */
    private boolean advance(Chain chain) {
        boolean moved = false;
        while (execute(chain, rankPlan.program().get(chain.op))) {
            heartbeat.finished(rankPlan.rank());
            moved = true;
            chain.op++;
            if (chain.op == rankPlan.program().size()) {
                chain.op = 0;
                chain.step++;
                break;
            }
        }
        return moved;
    }

    /** Executes an operation; false if it has to wait. */
    private boolean execute(Chain chain, Op op) {
        heartbeat.starts(rankPlan.rank(), op);
        if (op instanceof Op.Compute || op instanceof Op.Sample) {
            return perform(chain, op);
        }
        boolean prefill = steps.get(chain.step).prefill();
        long before = transfers.messages();
        long start = System.nanoTime();
        boolean done = transfers.times(op) ? timed(chain, op) : perform(chain, op);
        if (!prefill && transfers.messages() != before) {
            log.messages(System.nanoTime() - start);
        }
        return done;
    }

    /** Executes a transfer and records what it did: not that it looked for messages and found none. */
    private boolean timed(Chain chain, Op op) {
        boolean prefill = steps.get(chain.step).prefill();
        int step = firstStep + chain.step;
        long start = System.nanoTime();
        long before = transfers.messages();
        boolean done = perform(chain, op);
        if (transfers.messages() != before && (done || !(op instanceof Op.Recv))) {
            if (chain.waitingSince != TransferLog.NOT_WAITING) {
                transfers.waited(chain.op, chain.microBatch, step, prefill, chain.waitingSince, start);
            }
            long end = transfers.transferred(chain.op, chain.microBatch, step, prefill, start);
            chain.waitingSince = end;
        } else if (chain.waitingSince == TransferLog.NOT_WAITING) {
            chain.waitingSince = start;
        }
        if (done) {
            chain.waitingSince = TransferLog.NOT_WAITING;
        }
        return done;
    }

    private boolean perform(Chain chain, Op op) {
        return switch (op) {
            case Op.Compute(String segment) -> {
                compute(chain, segment);
                yield true;
            }
            case Op.Send(List<Integer> to, Tensor tensor, int layer) -> {
                to.forEach(peer -> send(chain, peer, tensor, layer));
                yield true;
            }
            case Op.Recv(List<Integer> from, Tensor tensor, int layer) -> receive(chain, from, tensor, layer);
            case Op.AllReduce(List<Integer> group, Tensor tensor, int layer) -> allReduce(chain, group, tensor, layer);
            case Op.AllToAll(List<Integer> group, Tensor tensor, int layer) -> allToAll(chain, group, tensor, layer);
            case Op.Sample() -> {
                sampler.sample(chain.microBatch, batch(chain), steps.get(chain.step).prefill());
                yield true;
            }
        };
    }

    private Batch batch(Chain chain) {
        return steps.get(chain.step).batch(rankPlan.group(), chain.microBatch);
    }

    private MessageKey key(int from, Tensor tensor, int layer, int phase, Chain chain) {
        return new MessageKey(from, tensor, layer, phase, chain.microBatch, firstStep + chain.step);
    }

    private void post(int to, MessageKey key, Message message) {
        log.sent(message.bytes());
        comm.send(to, key, message);
        transfers.message();
    }

    /** A message that has arrived, or null. */
    private Message poll(MessageKey key) {
        Message message = comm.poll(rankPlan.rank(), key);
        if (message != null) {
            transfers.message();
        }
        return message;
    }

    // Compute

    private void compute(Chain chain, String segment) {
        Integer expertLayer = expertLayers.get(segment);
        if (expertLayer != null) {
            boolean prefill = steps.get(chain.step).prefill();
            long start = System.nanoTime();
            int rows = exchange.receive(chain.arrived, expertLayer);
            packed("unpack rows", expertLayer, chain, start);
            buffers.receivedStep().setAll(0, 0, rows, 0);
            if (!prefill) {
                log.expertRows(exchange.pairs(chain.arrived, expertLayer));
            }
            if (rows > 0) {
                timed(chain, segment);
            }
            start = System.nanoTime();
            chain.answers = exchange.answers(chain.arrived, expertLayer);
            packed("pack answers", expertLayer, chain, start);
            chain.arrived.clear();
            return;
        }
        Batch batch = batch(chain);
        if (batch.rows() == 0) {
            return;
        }
        prepare(batch, steps.get(chain.step).prefill());
        timed(chain, segment);
        Integer route = routes.get(segment);
        if (outputs.contains(segment)) {
            sampler.keep(chain.microBatch, batch, steps.get(chain.step).prefill());
        }
        if (route != null && !plan.placement().isEmpty()) {
            chain.assigned = exchange.assign(route, batch);
            if (splitsHeads()) {
                exchange.clearOthers(route, batch, chain.assigned);
            }
        }
        if (route != null && !steps.get(chain.step).prefill() && countsExperts()) {
            countExperts(chain, batch, route);
        }
    }

    private void packed(String what, int layer, Chain chain, long start) {
        boolean prefill = steps.get(chain.step).prefill();
        transfers.packed(what, layer, chain.microBatch, firstStep + chain.step, prefill, start);
        if (!prefill) {
            log.messages(System.nanoTime() - start);
        }
    }

    private void prepare(Batch batch, boolean prefill) {
        buffers.step().setAll(0, batch.firstRow(), batch.rows(), prefill ? 1 : 0);
        for (int i = 0; i < batch.rows(); i++) {
            int row = batch.firstRow() + i;
            int sequence = batch.sequences()[i];
            int token = batch.tokens()[i];
            buffers.tokens().set(row, token >= 0 ? token : lastToken[sequence]);
            buffers.rowInfo()
                    .setAll(3 * row, batch.positions()[i], shares.kvBase()[sequence], shares.capacity()[sequence]);
        }
        buffers.outputStep().setAll(0, 0, batch.outputs().length, 0);
        if (rankPlan.shard().output().isPresent()) {
            for (int i = 0; i < batch.outputs().length; i++) {
                buffers.outputRows().set(i, batch.firstRow() + batch.outputs()[i]);
            }
        }
    }

    private void timed(Chain chain, String segment) {
        long start = System.nanoTime();
        device.run(segment);
        if (!steps.get(chain.step).prefill()) {
            log.decoded(device.tasks(segment), device.transferBytes(segment));
        }
        log.compute(new TimelineEvent(
                rankPlan.rank(),
                TimelineEvent.Stream.COMPUTE,
                segment,
                chain.microBatch,
                firstStep + chain.step,
                steps.get(chain.step).prefill(),
                start,
                System.nanoTime()));
    }

    private boolean splitsHeads() {
        return rankPlan.shard().attention().map(h -> h.parts() > 1).orElse(false);
    }

    /** Tensor-parallel ranks all make the same choice; the first counts. */
    private boolean countsExperts() {
        return rankPlan.shard().attention().map(h -> h.part() == 0).orElse(false);
    }

    private void countExperts(Chain chain, Batch batch, int layer) {
        int slots = config.layers().get(layer).routing().slots();
        int[] chosen = new int[batch.rows() * slots];
        for (int i = 0; i < chosen.length; i++) {
            chosen[i] = buffers.slots().get(slots).ids().get(batch.firstRow() * slots + i);
        }
        recorder.experts(firstStep + chain.step, layer, chosen);
    }

    // Point to point

    private void send(Chain chain, int to, Tensor tensor, int layer) {
        MessageKey key = key(rankPlan.rank(), tensor, layer, 0, chain);
        switch (tensor) {
            case DISPATCH -> post(to, key, exchange.dispatch(to, layer, batch(chain), chain.assigned));
            case COMBINE -> post(to, key, chain.answers.removeFirst());
            case HIDDEN -> {
                Batch batch = batch(chain);
                float[] rows = new float[batch.rows() * config.hidden()];
                if (rows.length > 0) {
                    buffers.x().read(batch.firstRow() * config.hidden(), rows, 0, rows.length);
                }
                post(to, key, new Message(new int[0], rows));
            }
            case LOGITS -> {
                if (batch(chain).outputs().length > 0) {
                    post(to, key, new Message(new int[0], sampler.ownLogits(chain.microBatch)));
                }
            }
            case TOKENS -> {
                if (chain.step + 1 < steps.size() && batch(chain).outputs().length > 0) {
                    Batch batch = batch(chain);
                    int[] tokens = new int[batch.outputs().length];
                    for (int i = 0; i < tokens.length; i++) {
                        tokens[i] = lastToken[batch.sequences()[batch.outputs()[i]]];
                    }
                    post(to, key, new Message(tokens, new float[0]));
                }
            }
            case PARTIAL, SUMS -> throw new IllegalStateException(tensor + " is reduced, not sent");
        }
    }

    private boolean receive(Chain chain, List<Integer> from, Tensor tensor, int layer) {
        if (tensor == Tensor.TOKENS) {
            return receiveTokens(chain, from.getFirst(), layer);
        }
        if (tensor == Tensor.LOGITS && batch(chain).outputs().length == 0) {
            return true;
        }
        if (!allArrived(chain, from, tensor, layer)) {
            return false;
        }
        for (int i = 0; i < chain.slots.length; i++) {
            Message message = chain.slots[i];
            switch (tensor) {
                case DISPATCH -> chain.arrived.add(message);
                case COMBINE -> exchange.combine(from.get(i), message, layer);
                case HIDDEN -> buffers.received()
                        .write(batch(chain).firstRow() * config.hidden(), message.floats(), 0, message.floats().length);
                case LOGITS -> sampler.otherLogits(chain.microBatch, message.floats());
                case PARTIAL, SUMS, TOKENS -> throw new IllegalStateException(tensor + " is not received");
            }
        }
        chain.slots = null;
        return true;
    }

    /** Takes what has come into the chain's slots, in the order of the senders; whether that is all. */
    private boolean allArrived(Chain chain, List<Integer> from, Tensor tensor, int layer) {
        if (chain.slots == null) {
            chain.slots = new Message[from.size()];
        }
        boolean complete = true;
        for (int i = 0; i < chain.slots.length; i++) {
            if (chain.slots[i] == null) {
                chain.slots[i] = poll(key(from.get(i), tensor, layer, 0, chain));
                complete &= chain.slots[i] != null;
            }
        }
        return complete;
    }

    /** The tokens sampled in the step before, if it sampled any. */
    private boolean receiveTokens(Chain chain, int from, int layer) {
        if (chain.step == 0) {
            return true;
        }
        Batch before = steps.get(chain.step - 1).batch(rankPlan.group(), chain.microBatch);
        if (before.outputs().length == 0) {
            return true;
        }
        MessageKey key = new MessageKey(from, Tensor.TOKENS, layer, 0, chain.microBatch, firstStep + chain.step - 1);
        Message message = poll(key);
        if (message == null) {
            return false;
        }
        for (int i = 0; i < message.ints().length; i++) {
            lastToken[before.sequences()[before.outputs()[i]]] = message.ints()[i];
        }
        return true;
    }

    // Collectives

    private boolean allReduce(Chain chain, List<Integer> group, Tensor tensor, int layer) {
        Batch batch = batch(chain);
        if (batch.rows() == 0) {
            return true;
        }
        int self = group.indexOf(rankPlan.rank());
        int width = tensor == Tensor.SUMS ? 2 : config.hidden();
        if (chain.reduction == null) {
            float[] values = new float[batch.rows() * width];
            (tensor == Tensor.SUMS ? buffers.sums() : buffers.partial())
                    .read(batch.firstRow() * width, values, 0, values.length);
            chain.reduction = new Reduction(values, group.size(), self);
            for (int i = 0; i < group.size(); i++) {
                if (i != self) {
                    post(
                            group.get(i),
                            key(rankPlan.rank(), tensor, layer, 0, chain),
                            chain.reduction.contribution(i));
                }
            }
            chain.missing.addAll(group);
            chain.missing.remove(Integer.valueOf(rankPlan.rank()));
            chain.gathering = false;
        }
        if (!chain.gathering) {
            chain.missing.removeIf(from -> {
                Message message = poll(key(from, tensor, layer, 0, chain));
                if (message != null) {
                    chain.reduction.add(group.indexOf(from), message);
                }
                return message != null;
            });
            if (!chain.missing.isEmpty()) {
                return false;
            }
            Message sum = chain.reduction.sum();
            for (int to : group) {
                if (to != rankPlan.rank()) {
                    post(to, key(rankPlan.rank(), tensor, layer, 1, chain), sum);
                    chain.missing.add(to);
                }
            }
            chain.gathering = true;
        }
        chain.missing.removeIf(from -> {
            Message message = poll(key(from, tensor, layer, 1, chain));
            if (message != null) {
                chain.reduction.put(group.indexOf(from), message);
            }
            return message != null;
        });
        if (!chain.missing.isEmpty()) {
            return false;
        }
        (tensor == Tensor.SUMS ? buffers.sums() : buffers.partial())
                .write(batch.firstRow() * width, chain.reduction.values(), 0, batch.rows() * width);
        chain.reduction = null;
        return true;
    }

    private boolean allToAll(Chain chain, List<Integer> group, Tensor tensor, int layer) {
        if (chain.slots == null) {
            chain.slots = new Message[group.size()];
            for (int i = 0; i < group.size(); i++) {
                int to = group.get(i);
                Message message = tensor == Tensor.DISPATCH
                        ? exchange.dispatch(to, layer, batch(chain), chain.assigned)
                        : chain.answers.get(i);
                if (to == rankPlan.rank()) {
                    chain.slots[i] = message;
                } else {
                    post(to, key(rankPlan.rank(), tensor, layer, 0, chain), message);
                }
            }
        }
        if (!allArrived(chain, group, tensor, layer)) {
            return false;
        }
        if (tensor == Tensor.DISPATCH) {
            chain.arrived.addAll(List.of(chain.slots));
        } else {
            for (int i = 0; i < chain.slots.length; i++) {
                exchange.combine(group.get(i), chain.slots[i], layer);
            }
        }
        chain.slots = null;
        return true;
    }

    /** Where a micro-batch is in its program. */
    private static final class Chain {
        final int microBatch;
        int step;
        int op;
        /** Dispatch messages for the next expert segment, in the order of the program. */
        final List<Message> arrived = new ArrayList<>();
        /** Expert group of each slot of the batch in its present layer. */
        int[] assigned = new int[0];
        /** Answers to those messages, in the same order. */
        List<Message> answers = List.of();
        /** Ranks a collective waits for. */
        final List<Integer> missing = new ArrayList<>();

        Reduction reduction;
        boolean gathering;
        /** Since when the chain waits for messages. */
        long waitingSince = TransferLog.NOT_WAITING;
        /** What has come of the transfer that the chain waits for, by sender. */
        Message[] slots;

        Chain(int microBatch) {
            this.microBatch = microBatch;
        }
    }
}
