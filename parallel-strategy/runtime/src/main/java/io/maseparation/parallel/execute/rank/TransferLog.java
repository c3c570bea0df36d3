package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Tensor;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.List;

/**
 * When one rank packed, sent and took messages, and when a chain waited for them; nothing unless the run asks for it. A
 * record costs two looks at the clock and one small object.
 */
final class TransferLog {
    /** A chain that waits for nothing. */
    static final long NOT_WAITING = Long.MIN_VALUE;

    private final int rank;
    private final Recorder.RankLog log;
    private final boolean on;
    private final List<String> names;
    private long messages;

    /**
     * @param rankPlan the rank
     * @param log where records go
     * @param on whether to record
     */
    TransferLog(RankPlan rankPlan, Recorder.RankLog log, boolean on) {
        this.rank = rankPlan.rank();
        this.log = log;
        this.on = on;
        this.names = rankPlan.program().stream().map(TransferLog::name).toList();
    }

    private static String name(Op op) {
        return switch (op) {
            case Op.Send(List<Integer> to, Tensor tensor, int layer) -> name("send", tensor, layer);
            case Op.Recv(List<Integer> from, Tensor tensor, int layer) -> name("receive", tensor, layer);
            case Op.AllReduce(List<Integer> group, Tensor tensor, int layer) -> name("all-reduce", tensor, layer);
            case Op.AllToAll(List<Integer> group, Tensor tensor, int layer) -> name("all-to-all", tensor, layer);
            case Op.Compute(String segment) -> segment;
            case Op.Sample() -> "sample";
        };
    }

    private static String name(String verb, Tensor tensor, int layer) {
        String what = verb + " " + tensor.label();
        return layer < 0 ? what : what + " " + layer;
    }

    /** Whether this operation is to be timed. */
    boolean times(Op op) {
        return on && !(op instanceof Op.Compute) && !(op instanceof Op.Sample);
    }

    /** A message was sent or taken. */
    void message() {
        messages++;
    }

    /** Number of messages sent or taken so far. */
    long messages() {
        return messages;
    }

    /** Records that an operation of the chain moved messages from a time until now. */
    long transferred(MicroBatch microBatch, long start) {
        return record(names.get(microBatch.op), microBatch, start, System.nanoTime());
    }

    /** Records that the chain waited for an operation's messages. */
    void waited(MicroBatch microBatch, long end) {
        record(TimelineEvent.WAIT + names.get(microBatch.op), microBatch, microBatch.waitingSince, end);
    }

    /** Records that rows were packed or unpacked from a time until now. */
    void packed(String what, int layer, MicroBatch microBatch, long start) {
        if (on) {
            record(what + " " + layer, microBatch, start, System.nanoTime());
        }
    }

    private long record(String name, MicroBatch microBatch, long start, long end) {
        log.transfer(microBatch.event(rank, TimelineEvent.Stream.TRANSFER, name, start, end));
        return end;
    }
}
