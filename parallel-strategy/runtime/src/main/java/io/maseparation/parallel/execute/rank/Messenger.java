package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.layout.Tensor;
import java.util.List;

/**
 * Sends one rank's messages and takes those that have arrived for it. It never waits: {@link MicroBatchScheduler} does.
 */
final class Messenger {
    private final int rank;
    private final Communicator comm;
    private final Recorder.RankLog log;
    private final TransferLog transfers;

    Messenger(int rank, Communicator comm, Recorder.RankLog log, TransferLog transfers) {
        this.rank = rank;
        this.comm = comm;
        this.log = log;
        this.transfers = transfers;
    }

    int rank() {
        return rank;
    }

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

    /** A message that has arrived, or null. */
    Message poll(MessageKey key) {
        Message message = comm.poll(rank, key);
        if (message != null) {
            transfers.message();
        }
        return message;
    }

    /**
     * Takes what has arrived into {@link MicroBatch#received}, in the order of the senders.
     *
     * @return whether there is a message of every sender
     */
    boolean receive(MicroBatch microBatch, List<Integer> from, Tensor tensor, int layer, int phase) {
        Message[] received = microBatch.received;
        boolean complete = true;
        for (int i = 0; i < received.length; i++) {
            if (received[i] == null) {
                received[i] = poll(key(from.get(i), tensor, layer, phase, microBatch));
                complete &= received[i] != null;
            }
        }
        return complete;
    }
}
