package io.maseparation.parallel.calibrate;

import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.InProcessCommunicator;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.layout.Tensor;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Times messages between two ranks that are threads, as rank workers exchange them: packed, sent, waited for, unpacked.
 * The sender computes for a while before, as ranks do: a thread that has slept for a millisecond wakes up several times
 * later than one that has slept for microseconds.
 */
final class TransferProbe {
    private static final int ROUNDS = 60;
    private static final int WARM_UP = 20;
    static final long COMPUTE_NANOS = 1_000_000;
    private static final int SMALL = 16;
    private static final int LARGE = 1 << 18;

    private double small;
    private double large;
    private int times;

    /** Measures once more. */
    void measure() throws InterruptedException {
        small += oneWaySeconds(new InProcessCommunicator(2), SMALL);
        large += oneWaySeconds(new InProcessCommunicator(2), LARGE);
        times++;
    }

    /** The link that takes the mean times of a small message and of a large one. */
    Link link() {
        return LinkFit.through(4.0 * SMALL, small / times, 4.0 * LARGE, large / times);
    }

    static double oneWaySeconds(Communicator comm, int floats) throws InterruptedException {
        AtomicLong nanos = new AtomicLong();
        Calibrator.atOnce(comm, () -> {
            float[] buffer = new float[floats];
            for (int i = 0; i < WARM_UP + ROUNDS; i++) {
                long start = System.nanoTime();
                send(comm, 1, 0, i, buffer);
                receive(comm, 0, 1, i, buffer);
                if (i >= WARM_UP) {
                    nanos.addAndGet(System.nanoTime() - start - COMPUTE_NANOS);
                }
                compute();
            }
        }, () -> {
            float[] buffer = new float[floats];
            for (int i = 0; i < WARM_UP + ROUNDS; i++) {
                receive(comm, 1, 0, i, buffer);
                compute();
                send(comm, 0, 1, i, buffer);
            }
        });
        return nanos.get() / (ROUNDS * 2e9);
    }

    static void compute() {
        long end = System.nanoTime() + COMPUTE_NANOS;
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }

    static void send(Communicator comm, int to, int from, int step, float[] buffer, int... beside) {
        comm.send(to, key(from, step), new Message(beside, buffer.clone()));
    }

    static void receive(Communicator comm, int rank, int from, int step, float[] buffer) throws InterruptedException {
        System.arraycopy(await(comm, rank, from, step).floats(), 0, buffer, 0, buffer.length);
    }

    static Message await(Communicator comm, int rank, int from, int step) throws InterruptedException {
        while (true) {
            long seen = comm.arrivals(rank);
            Message message = comm.poll(rank, key(from, step));
            if (message != null) {
                return message;
            }
            comm.awaitArrival(rank, seen);
        }
    }

    private static MessageKey key(int from, int step) {
        return new MessageKey(from, Tensor.HIDDEN, 0, 0, 0, step);
    }
}
