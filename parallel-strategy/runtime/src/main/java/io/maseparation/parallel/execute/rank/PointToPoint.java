package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Tensor;
import java.util.Arrays;
import java.util.Optional;

/**
 * What one rank sends to another, packed from its buffers, and what it receives, put where segments find it.
 *
 * @param nodes spreads rows that cross to the rank's node once; empty where none do
 * @param hidden width of activations
 */
record PointToPoint(
        Messenger messenger, RankBuffers buffers, ExpertExchange exchange, Optional<NodeExchange> nodes,
        TokenSampler sampler, int hidden) {

    void send(MicroBatch microBatch, Op.Send op) {
        MessageKey key = messenger.ownKey(op.tensor(), op.layer(), 0, microBatch);
        for (int to : op.to()) {
            message(microBatch, op, to).ifPresent(message -> messenger.send(to, key, message));
        }
    }

    /** What a rank is sent; nothing where the step has no rows for it. */
    private Optional<Message> message(MicroBatch microBatch, Op.Send op, int to) {
        return switch (op.tensor()) {
            case DISPATCH -> Optional.of(exchange.dispatch(
                    to, op.layer(), microBatch.batch(), microBatch.assigned, microBatch.entering));
            case FORWARD -> Optional.of(nodes.orElseThrow().forward(to, op.layer(), microBatch.arrived));
            case GATHER -> Optional.of(nodes.orElseThrow().sumsFor(to, microBatch));
            case COMBINE -> Optional.of(microBatch.answers.removeFirst());
            case HIDDEN -> Optional.of(hidden(microBatch.batch()));
            case LOGITS -> Optional.of(microBatch.batch())
                    .filter(Batch::hasOutputs)
                    .map(batch -> new Message(new int[0], sampler.ownLogits(microBatch.index)));
            case TOKENS -> Optional.of(microBatch.batch())
                    .filter(Batch::hasOutputs)
                    .map(batch -> tokens(microBatch, batch));
            case PARTIAL, SUMS -> throw new IllegalStateException(op.tensor() + " is reduced, not sent");
        };
    }

    private Message hidden(Batch batch) {
        float[] rows = new float[batch.rows() * hidden];
        if (rows.length > 0) {
            buffers.activations().x().read(batch.firstRow() * hidden, rows, 0, rows.length);
        }
        return new Message(new int[0], rows);
    }

    private static Message tokens(MicroBatch microBatch, Batch batch) {
        int[] tokens = Arrays.stream(batch.outputs())
                .map(row -> microBatch.lastToken(batch.sequences()[row]))
                .toArray();
        return new Message(tokens, new float[0]);
    }

    /** Takes what has arrived; false if something is still missing. */
    boolean receive(MicroBatch microBatch, Op.Recv op) {
        if (op.tensor() == Tensor.TOKENS) {
            return receiveTokens(microBatch, op.from().getFirst(), op.layer());
        }
        if (op.tensor() == Tensor.LOGITS && !microBatch.batch().hasOutputs()) {
            return true;
        }
        if (!messenger.receive(microBatch, op.from(), op.tensor(), op.layer())) {
            return false;
        }
        switch (op.tensor()) {
            case COMBINE -> exchange.combine(op.from(), microBatch.received, op.layer(), microBatch.batch());
            case FORWARD -> nodes.orElseThrow().receive(microBatch, microBatch.received, op.layer());
            case GATHER -> nodes.orElseThrow().add(microBatch, microBatch.received);
            default -> microBatch.received.values().forEach(message -> take(microBatch, op, message));
        }
        microBatch.received.clear();
        return true;
    }

    private void take(MicroBatch microBatch, Op.Recv op, Message message) {
        float[] floats = message.floats();
        switch (op.tensor()) {
            case DISPATCH -> microBatch.arrived.add(message);
            case HIDDEN -> buffers.activations().received()
                    .write(microBatch.batch().firstRow() * hidden, floats, 0, floats.length);
            case LOGITS -> sampler.otherLogits(microBatch.index, floats);
            case COMBINE, FORWARD, GATHER, PARTIAL, SUMS,
                    TOKENS -> throw new IllegalStateException(op.tensor() + " is not taken here");
        }
    }

    /** Takes the tokens that were sampled last, if they are not here yet. */
    private boolean receiveTokens(MicroBatch microBatch, int from, int layer) {
        if (microBatch.sampled.isEmpty()) {
            return true;
        }
        MicroBatch.Sampled before = microBatch.sampled.get();
        Optional<Message> message = messenger.poll(
                new MessageKey(from, Tensor.TOKENS, layer, 0, microBatch.index, before.step()));
        if (message.isEmpty()) {
            return false;
        }
        microBatch.sampled = Optional.empty();
        int[] tokens = message.get().ints();
        for (int i = 0; i < tokens.length; i++) {
            microBatch.setLastToken(before.batch().sequences()[before.batch().outputs()[i]], tokens[i]);
        }
        return true;
    }
}
