package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.RunAbortedException;
import io.maseparation.parallel.layout.NodeRoutes;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.ReplicaChoice;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs one rank's program, for each micro-batch through all steps that it has rows in, and switches to another
 * micro-batch wherever one has to wait for a message. Which one goes first never changes a result, since rows do not
 * depend on each other's order.
 */
public final class MicroBatchScheduler {
    private final Plan plan;
    private final RankPlan rankPlan;
    private final int[] legs;
    private final int rank;
    private final Communicator comm;
    private final Heartbeat heartbeat;
    private final Recorder.RankLog log;
    private final TransferLog transfers;
    private final int slotCount;
    private final TokenSampler sampler;
    private final SegmentRunner segments;
    private final PointToPoint pointToPoint;
    private final Collectives collectives;

    /**
     * The scheduler of one rank, for a deployment.
     *
     * @param deployment the plan on its devices
     * @param rank index of the rank
     * @param context what the ranks of the run share
     */
    public MicroBatchScheduler(Deployment deployment, int rank, RunContext context) {
        this.plan = deployment.plan();
        this.rankPlan = plan.ranks().get(rank);
        this.legs = rankPlan.legs();
        this.rank = rank;
        this.comm = context.comm();
        this.heartbeat = context.heartbeat();
        this.log = context.recorder().rank(rank);
        this.transfers = new TransferLog(rankPlan, log, context.recorder().transfers());
        this.slotCount = context.slots().count();
        ModelConfig config = plan.config();
        RankDevice device = deployment.rankDevice(rank);
        ExpertExchange exchange = new ExpertExchange(
                plan, rankPlan, device.buffers(), new ReplicaChoice(config, plan.placement(), rankPlan.group()),
                NodeRoutes.of(plan), context.pool());
        Messenger messenger = new Messenger(rank, comm, log, transfers);
        sampler = new TokenSampler(config, rankPlan, device, context);
        segments = new SegmentRunner(
                deployment, rankPlan, context, transfers, exchange, sampler);
        pointToPoint =
                new PointToPoint(messenger, device.buffers(), exchange, NodeExchange.of(rankPlan, exchange), sampler,
                        config.hidden());
        collectives = new Collectives(messenger, device.buffers(), exchange, config.hidden());
    }

    /** The rank whose program it runs. */
    int rank() {
        return rank;
    }

    /**
     * Runs the steps of a feed until that is closed.
     *
     * @param feed hands out steps
     */
    void run(StepFeed feed) throws InterruptedException {
        Map<Integer, MicroBatch> all = new HashMap<>();
        List<MicroBatch> open = new ArrayList<>();
        long taken = 0;
        while (true) {
            // In this order: a step that is issued after the look at the feed ends the wait below.
            long seen = comm.arrivals(rank);
            boolean last = feed.closed();
            for (; taken < feed.issued(); taken++) {
                take(feed.get(taken), all, open);
            }
            if (feed.aborted()) {
                throw new RunAbortedException();
            }
            boolean moved = advanceOne(open);
            open.removeIf(MicroBatch::ended);
            if (moved) {
                continue;
            }
            heartbeat.waits(rank);
            if (open.isEmpty() && last) {
                return;
            }
            // There is no step, or every micro-batch lacks a message.
            comm.awaitArrival(rank, seen);
        }
    }

    /** Gives a step to the micro-batches that have rows in it. */
    private void take(StepFeed.Issued issued, Map<Integer, MicroBatch> all, List<MicroBatch> open) {
        for (Step.Work work : issued.step().work()) {
            MicroBatch microBatch =
                    all.computeIfAbsent(work.microBatch(), index -> new MicroBatch(index, rankPlan.group(), slotCount));
            if (microBatch.ended()) {
                open.add(microBatch);
            }
            microBatch.add(issued, work);
        }
    }

    /** Lets one micro-batch do what it can; false if all have to wait. */
    private boolean advanceOne(List<MicroBatch> open) {
        if (open.isEmpty()) {
            return false;
        }
        // The one that is furthest behind goes first, so that no micro-batch starves, but of those between the same two
        // exchanges the one furthest ahead. Numbers of steps may overflow.
        int present = open.getFirst().step();
        open.sort(Comparator.<MicroBatch>comparingInt(m -> m.step() - present)
                .thenComparingInt(m -> plan.inOrder() ? 0 : legs[m.op])
                .thenComparingInt(m -> plan.inOrder() ? 0 : -m.op)
                .thenComparingInt(m -> m.index));
        for (MicroBatch microBatch : open) {
            if (advance(microBatch)) {
                return true;
            }
            if (plan.inOrder()) {
                return false;
            }
        }
        return false;
    }

    /** Runs a micro-batch until it waits or ends its step; whether it did anything. */
    private boolean advance(MicroBatch microBatch) {
        List<Op> program = rankPlan.program();
        boolean moved = false;
        while (execute(microBatch, program.get(microBatch.op))) {
            heartbeat.finished(rank);
            moved = true;
            microBatch.op++;
            if (microBatch.op == program.size()) {
                microBatch.endStep();
                break;
            }
        }
        return moved;
    }

    /** Executes an operation; false if it has to wait. */
    private boolean execute(MicroBatch microBatch, Op op) {
        heartbeat.starts(rank, op);
        if (op instanceof Op.Compute || op instanceof Op.Sample) {
            return perform(microBatch, op);
        }
        long before = transfers.messages();
        long start = System.nanoTime();
        boolean done = transfers.times(op) ? timed(microBatch, op) : perform(microBatch, op);
        if (!microBatch.prefill() && transfers.messages() != before) {
            log.messages(System.nanoTime() - start);
        }
        return done;
    }

    /** Executes a transfer and records what it did: not that it looked for messages and found none. */
    private boolean timed(MicroBatch microBatch, Op op) {
        long start = System.nanoTime();
        long before = transfers.messages();
        boolean done = perform(microBatch, op);
        if (transfers.messages() != before && (done || !(op instanceof Op.Recv))) {
            if (microBatch.waitingSince != TransferLog.NOT_WAITING) {
                transfers.waited(microBatch, start);
            }
            microBatch.waitingSince = transfers.transferred(microBatch, start);
        } else if (microBatch.waitingSince == TransferLog.NOT_WAITING) {
            microBatch.waitingSince = start;
        }
        if (done) {
            microBatch.waitingSince = TransferLog.NOT_WAITING;
        }
        return done;
    }

    private boolean perform(MicroBatch microBatch, Op op) {
        return switch (op) {
            case Op.Compute(String segment) -> {
                segments.run(microBatch, segment);
                yield true;
            }
            case Op.Send send -> {
                pointToPoint.send(microBatch, send);
                yield true;
            }
            case Op.Recv receive -> pointToPoint.receive(microBatch, receive);
            case Op.AllReduce reduce -> collectives.allReduce(microBatch, reduce);
            case Op.AllToAll exchange -> collectives.allToAll(microBatch, exchange);
            case Op.Sample() -> {
                sampler.sample(microBatch);
                yield true;
            }
        };
    }
}
