package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.segments.HostFloats;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Tensor;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * One rank's part in all-reduces and all-to-alls. Each call does what can be done with the messages that have arrived,
 * and returns false until the collective is complete.
 */
final class Collectives {
    private static final int SCATTER = 0;
    private static final int GATHER = 1;

    private final Messenger messenger;
    private final RankBuffers buffers;
    private final ExpertExchange exchange;
    private final int hidden;

    /** @param hidden width of activations */
    Collectives(Messenger messenger, RankBuffers buffers, ExpertExchange exchange, int hidden) {
        this.messenger = messenger;
        this.buffers = buffers;
        this.exchange = exchange;
        this.hidden = hidden;
    }

    boolean allReduce(MicroBatch microBatch, Op.AllReduce op) {
        Batch batch = microBatch.batch();
        if (batch.rows() == 0) {
            return true;
        }
        boolean sums = op.tensor() == Tensor.SUMS;
        HostFloats buffer = sums ? buffers.activations().sums() : buffers.activations().partial();
        int width = sums ? 2 : hidden;
        int self = op.group().indexOf(messenger.rank());
        if (microBatch.reduction == null) {
            float[] values = new float[batch.rows() * width];
            buffer.read(batch.firstRow() * width, values, 0, values.length);
            Reduction reduction = new Reduction(values, op.group().size(), self);
            for (int i = 0; i < op.group().size(); i++) {
                if (i != self) {
                    send(microBatch, op, SCATTER, i, reduction.contribution(i));
                }
            }
            microBatch.reduction = reduction;
        }
        Reduction reduction = microBatch.reduction;
        if (!reduction.gathering()) {
            take(microBatch, op, SCATTER, reduction::add);
            if (!reduction.complete()) {
                return false;
            }
            Message sum = reduction.sum();
            for (int i = 0; i < op.group().size(); i++) {
                if (i != self) {
                    send(microBatch, op, GATHER, i, sum);
                }
            }
        }
        take(microBatch, op, GATHER, reduction::put);
        if (!reduction.complete()) {
            return false;
        }
        buffer.write(batch.firstRow() * width, reduction.values(), 0, batch.rows() * width);
        microBatch.reduction = null;
        return true;
    }

    private void send(MicroBatch microBatch, Op.AllReduce op, int phase, int member, Message message) {
        messenger.send(
                op.group().get(member), messenger.ownKey(op.tensor(), op.layer(), phase, microBatch), message);
    }

    /** Takes the messages of one phase that have arrived. */
    private void take(MicroBatch microBatch, Op.AllReduce op, int phase, BiConsumer<Integer, Message> taker) {
        for (int i = 0; i < op.group().size(); i++) {
            if (microBatch.reduction.lacks(i)) {
                Message message = messenger.poll(
                        Messenger.key(op.group().get(i), op.tensor(), op.layer(), phase, microBatch));
                if (message != null) {
                    taker.accept(i, message);
                }
            }
        }
    }

    boolean allToAll(MicroBatch microBatch, Op.AllToAll op) {
        List<Integer> group = op.group();
        if (microBatch.received == null) {
            microBatch.received = new Message[group.size()];
            for (int i = 0; i < group.size(); i++) {
                int to = group.get(i);
                Message message = op.tensor() == Tensor.DISPATCH
                        ? exchange.dispatch(to, op.layer(), microBatch.batch(), microBatch.assigned)
                        : microBatch.answers.get(i);
                if (to == messenger.rank()) {
                    microBatch.received[i] = message;
                } else {
                    messenger.send(to, messenger.ownKey(op.tensor(), op.layer(), 0, microBatch), message);
                }
            }
        }
        if (!messenger.receive(microBatch, group, op.tensor(), op.layer(), 0)) {
            return false;
        }
        if (op.tensor() == Tensor.DISPATCH) {
            microBatch.arrived.addAll(List.of(microBatch.received));
        } else {
            for (int i = 0; i < group.size(); i++) {
                exchange.combine(group.get(i), microBatch.received[i], op.layer());
            }
        }
        microBatch.received = null;
        return true;
    }
}
