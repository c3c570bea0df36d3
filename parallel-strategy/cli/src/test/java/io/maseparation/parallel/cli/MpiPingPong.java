package io.maseparation.parallel.cli;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.comm.mpi.MpiProcesses;
import io.maseparation.parallel.layout.Tensor;
import java.time.Duration;
import java.util.Arrays;

/** Two processes send each other an array, as plainly as can be: prints the least and the most seconds of one way. */
final class MpiPingPong {
    private static final int FLOATS = 1536 << 10;
    private static final int WARM_UP = 10;
    private static final int TIMES = 30;

    private MpiPingPong() {}

    public static void main(String[] args) throws InterruptedException {
        MpiProcesses processes = MpiProcesses.join(Duration.ofSeconds(8), System.err::println);
        Communicator comm = processes.communicator();
        int rank = processes.rank();
        double[] seconds = new double[TIMES];
        for (int i = -WARM_UP; i < TIMES; i++) {
            long start = System.nanoTime();
            if (rank == 0) {
                send(comm, 0, i);
            }
            receive(comm, rank, i);
            if (rank == 1) {
                send(comm, 1, i);
            }
            seconds[Math.max(0, i)] = (System.nanoTime() - start) / 2e9;
        }
        if (rank == 0) {
            Arrays.sort(seconds);
            System.out.println(seconds[0] + " " + seconds[TIMES - 1]);
        }
        processes.leave();
    }

    private static MessageKey key(int from, int step) {
        return new MessageKey(from, Tensor.HIDDEN, 0, 0, 0, step);
    }

    private static void send(Communicator comm, int from, int step) {
        comm.send(1 - from, key(from, step), new Message(new int[0], new float[FLOATS]));
    }

    private static void receive(Communicator comm, int rank, int step) throws InterruptedException {
        while (true) {
            long seen = comm.arrivals(rank);
            if (comm.poll(rank, key(1 - rank, step)) != null) {
                return;
            }
            comm.awaitArrival(rank, seen);
        }
    }
}
