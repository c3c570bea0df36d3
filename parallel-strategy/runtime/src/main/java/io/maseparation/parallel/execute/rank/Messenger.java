package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.layout.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * Sends one rank's messages and takes those that have arrived for it. It never waits: {@link MicroBatchScheduler} does.
 */
record Messenger(int rank, Communicator comm, Recorder.RankLog log, TransferLog transfers) {

    /** The key of a message of the present step. */
    static MessageKey key(int from, Tensor tensor, int layer, int phase, MicroBatch microBatch) {
        return new MessageKey(from, tensor, layer, phase, microBatch.index, microBatch.step());
    }

    /** The key of a message that this rank sends. */
    MessageKey ownKey(Tensor tensor, int layer, int phase, MicroBatch microBatch) {
        return key(rank, tensor, layer, phase, microBatch);
    }

    void send(int to, MessageKey key, Message message) {
        log.sent(message.bytes());
        comm.send(to, key, message);
        transfers.message();
    }

    /** A message, if it has arrived. */
    Optional<Message> poll(MessageKey key) {
        Optional<Message> message = Optional.ofNullable(comm.poll(rank, key));
        message.ifPresent(m -> transfers.message());
        return message;
    }

    /**
     * Takes what has arrived into {@link MicroBatch#received}.
     *
     * @return whether there is a message of every sender
     */
    boolean receive(MicroBatch microBatch, List<Integer> from, Tensor tensor, int layer) {
        for (int i = 0; i < from.size(); i++) {
            if (!microBatch.received.containsKey(i)) {
                int sender = i;
                poll(key(from.get(i), tensor, layer, 0, microBatch))
                        .ifPresent(message -> microBatch.received.put(sender, message));
            }
        }
        return microBatch.received.size() == from.size();
    }
}
