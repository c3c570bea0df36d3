package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Tensor;
import java.util.List;

/** What one rank sends to another, packed from its buffers, and what it receives, put where segments find it. */
final class PointToPoint {
    private static final int[] NO_INTS = {};
    private static final float[] NO_FLOATS = {};

    private final Messenger messenger;
    private final RankBuffers buffers;
    private final ExpertExchange exchange;
    private final TokenSampler sampler;
    private final int[] lastToken;
    private final int hidden;

    /**
     * @param lastToken token that each sequence continues with; shared with the rank's other parts
     * @param hidden width of activations
     */
    PointToPoint(
            Messenger messenger, RankBuffers buffers, ExpertExchange exchange, TokenSampler sampler, int[] lastToken,
            int hidden) {
        this.messenger = messenger;
        this.buffers = buffers;
        this.exchange = exchange;
        this.sampler = sampler;
        this.lastToken = lastToken;
        this.hidden = hidden;
    }

    void send(MicroBatch microBatch, Op.Send op) {
        MessageKey key = messenger.ownKey(op.tensor(), op.layer(), 0, microBatch);
        for (int to : op.to()) {
            Batch batch = op.tensor() == Tensor.COMBINE ? null : microBatch.batch();
            switch (op.tensor()) {
                case DISPATCH -> messenger.send(to, key, exchange.dispatch(to, op.layer(), batch, microBatch.assigned));
                case COMBINE -> messenger.send(to, key, microBatch.answers.removeFirst());
                case HIDDEN -> messenger.send(to, key, hidden(batch));
                case LOGITS -> {
                    if (batch.outputs().length > 0) {
                        messenger.send(to, key, new Message(NO_INTS, sampler.ownLogits(microBatch.index)));
                    }
                }
                case TOKENS -> {
                    if (!microBatch.inLastStep() && batch.outputs().length > 0) {
                        messenger.send(to, key, tokens(batch));
                    }
                }
                case PARTIAL, SUMS -> throw new IllegalStateException(op.tensor() + " is reduced, not sent");
            }
        }
    }

    private Message hidden(Batch batch) {
        float[] rows = new float[batch.rows() * hidden];
        if (rows.length > 0) {
            buffers.activations().x().read(batch.firstRow() * hidden, rows, 0, rows.length);
        }
        return new Message(NO_INTS, rows);
    }

    private Message tokens(Batch batch) {
        int[] tokens = new int[batch.outputs().length];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = lastToken[batch.sequences()[batch.outputs()[i]]];
        }
        return new Message(tokens, NO_FLOATS);
    }

    /** Takes what has arrived; false if something is still missing. */
    boolean receive(MicroBatch microBatch, Op.Recv op) {
        if (op.tensor() == Tensor.TOKENS) {
            return receiveTokens(microBatch, op.from().getFirst(), op.layer());
        }
        if (op.tensor() == Tensor.LOGITS && microBatch.batch().outputs().length == 0) {
            return true;
        }
        List<Integer> from = op.from();
        if (microBatch.received == null) {
            microBatch.received = new Message[from.size()];
        }
        if (!messenger.receive(microBatch, from, op.tensor(), op.layer(), 0)) {
            return false;
        }
        for (int i = 0; i < from.size(); i++) {
            Message message = microBatch.received[i];
            float[] floats = message.floats();
            switch (op.tensor()) {
                case DISPATCH -> microBatch.arrived.add(message);
                case COMBINE -> exchange.combine(from.get(i), message, op.layer());
                case HIDDEN -> buffers.activations().received().write(microBatch.batch().firstRow() * hidden, floats, 0,
                        floats.length);
                case LOGITS -> sampler.otherLogits(microBatch.index, floats);
                case PARTIAL, SUMS, TOKENS -> throw new IllegalStateException(op.tensor() + " is not received");
            }
        }
        microBatch.received = null;
        return true;
    }

    /** The tokens sampled in the step before, if it sampled any. */
    private boolean receiveTokens(MicroBatch microBatch, int from, int layer) {
        if (microBatch.inFirstStep() || microBatch.batchBefore().outputs().length == 0) {
            return true;
        }
        Batch before = microBatch.batchBefore();
        Message message = messenger.poll(
                new MessageKey(from, Tensor.TOKENS, layer, 0, microBatch.index, microBatch.step() - 1));
        if (message == null) {
            return false;
        }
        for (int i = 0; i < message.ints().length; i++) {
            lastToken[before.sequences()[before.outputs()[i]]] = message.ints()[i];
        }
        return true;
    }
}
