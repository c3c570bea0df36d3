package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.segments.HostFloats;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.IntFunction;

/**
 * One rank's part in all-reduces and all-to-alls. Each call does what can be done with the messages that have arrived,
 * and returns false until the collective is complete.
 *
 * @param hidden width of activations
 */
record Collectives(Messenger messenger, RankBuffers buffers, ExpertExchange exchange, int hidden) {
    private enum Phase {
        SCATTER, GATHER
    }

    boolean allReduce(MicroBatch microBatch, Op.AllReduce op) {
        Batch batch = microBatch.batch();
        if (batch.rows() == 0) {
            return true;
        }
        boolean sums = op.tensor() == Tensor.SUMS;
        HostFloats buffer = sums ? buffers.activations().sums() : buffers.activations().partial();
        int width = sums ? 2 : hidden;
        if (microBatch.reduction.isEmpty()) {
            float[] values = new float[batch.rows() * width];
            buffer.read(batch.firstRow() * width, values, 0, values.length);
            Reduction begun = new Reduction(values, op.group().size(), op.group().indexOf(messenger.rank()));
            send(microBatch, op, Phase.SCATTER, begun::contribution);
            microBatch.reduction = Optional.of(begun);
        }
        Reduction reduction = microBatch.reduction.get();
        if (!reduction.gathering()) {
            take(microBatch, op, Phase.SCATTER, reduction, reduction::add);
            if (!reduction.complete()) {
                return false;
            }
            Message sum = reduction.sum();
            send(microBatch, op, Phase.GATHER, member -> sum);
        }
        take(microBatch, op, Phase.GATHER, reduction, reduction::put);
        if (!reduction.complete()) {
            return false;
        }
        buffer.write(batch.firstRow() * width, reduction.values(), 0, batch.rows() * width);
        microBatch.reduction = Optional.empty();
        return true;
    }

    /** Sends every other member its message of one phase. */
    private void send(MicroBatch microBatch, Op.AllReduce op, Phase phase, IntFunction<Message> ofMember) {
        MessageKey key = messenger.ownKey(op.tensor(), op.layer(), phase.ordinal(), microBatch);
        for (int i = 0; i < op.group().size(); i++) {
            if (op.group().get(i) != messenger.rank()) {
                messenger.send(op.group().get(i), key, ofMember.apply(i));
            }
        }
    }

    /** Takes the messages of one phase that have arrived. */
    private void take(
            MicroBatch microBatch, Op.AllReduce op, Phase phase, Reduction reduction,
            BiConsumer<Integer, Message> taker) {
        for (int i = 0; i < op.group().size(); i++) {
            if (reduction.lacks(i)) {
                int member = i;
                messenger.poll(Messenger.key(op.group().get(i), op.tensor(), op.layer(), phase.ordinal(), microBatch))
                        .ifPresent(message -> taker.accept(member, message));
            }
        }
    }

    boolean allToAll(MicroBatch microBatch, Op.AllToAll op) {
        List<Integer> group = op.group();
        // A member's own message is there from the start.
        if (microBatch.received.isEmpty()) {
            for (int i = 0; i < group.size(); i++) {
                int to = group.get(i);
                Message message = op.tensor() == Tensor.DISPATCH
                        ? exchange.dispatch(
                                to, op.layer(), microBatch.batch(), microBatch.assigned, microBatch.entering)
                        : microBatch.answers.get(i);
                if (to == messenger.rank()) {
                    microBatch.received.put(i, message);
                } else {
                    messenger.send(to, messenger.ownKey(op.tensor(), op.layer(), 0, microBatch), message);
                }
            }
        }
        if (!messenger.receive(microBatch, group, op.tensor(), op.layer())) {
            return false;
        }
        if (op.tensor() == Tensor.DISPATCH) {
            microBatch.arrived.addAll(microBatch.received.values());
        } else {
            exchange.combine(group, microBatch.received, op.layer(), microBatch.batch());
        }
        microBatch.received.clear();
        return true;
    }
}
