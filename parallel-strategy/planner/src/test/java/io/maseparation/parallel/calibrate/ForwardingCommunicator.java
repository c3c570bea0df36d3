package io.maseparation.parallel.calibrate;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import org.jspecify.annotations.Nullable;

/** Another communicator, of which a test changes how messages are sent. */
class ForwardingCommunicator implements Communicator {
    private final Communicator all;

    ForwardingCommunicator(Communicator all) {
        this.all = all;
    }

    @Override
    public void send(int to, MessageKey key, Message message) {
        all.send(to, key, message);
    }

    @Override
    public @Nullable Message poll(int rank, MessageKey key) {
        return all.poll(rank, key);
    }

    @Override
    public long arrivals(int rank) {
        return all.arrivals(rank);
    }

    @Override
    public void awaitArrival(int rank, long seen) throws InterruptedException {
        all.awaitArrival(rank, seen);
    }

    @Override
    public void wake(int rank) {
        all.wake(rank);
    }

    @Override
    public void abort() {
        all.abort();
    }
}
