package io.maseparation.parallel.calibrate;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.run.Percentiles;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Times messages between two ranks: one sends and waits for the answer, the other one answers, and each computes for a
 * millisecond before it sends, as ranks do. Only the first one's clock counts.
 */
final class PairProbe {
    /** Floats of messages, from an activation of some rows to those of a prompt: 16 KiB, 400 KiB and 6 MiB. */
    private static final int[] FLOATS = {4 << 10, 100 << 10, 1536 << 10};

    private static final int WARM_UP = 4;
    private static final int MOST = 16;
    private static final int LEAST = 3;
    /** After so long no further message of a size than the least number, where a network takes its time. */
    private static final long ENOUGH_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

    /** What a message says of the next one. */
    private static final int MORE = 1;

    private static final int LAST = 0;

    private PairProbe() {}

    /** Bytes of the messages that are timed, ascending. */
    static long[] bytes() {
        return Arrays.stream(FLOATS).mapToLong(n -> (long) Float.BYTES * n).toArray();
    }

    /**
     * Times messages of all sizes.
     *
     * @param rank this one
     * @param other the one that answers, and calls {@link #answer} meanwhile
     * @return by size, the median time one way, in seconds
     */
    static double[] lead(Communicator comm, int rank, int other) throws InterruptedException {
        double[] medians = new double[FLOATS.length];
        int step = 0;
        for (int size = 0; size < FLOATS.length; size++) {
            float[] buffer = new float[FLOATS[size]];
            List<Double> seconds = new ArrayList<>();
            long begin = System.nanoTime();
            boolean goesOn = true;
            for (int i = 1; goesOn; i++) {
                // Said with the message, so this one counts as if it were there.
                int timed = i - WARM_UP;
                goesOn = timed < LEAST || (timed < MOST && System.nanoTime() - begin < ENOUGH_NANOS);
                long start = System.nanoTime();
                TransferProbe.send(comm, other, rank, step, buffer, goesOn || size < FLOATS.length - 1 ? MORE : LAST);
                TransferProbe.receive(comm, rank, other, step, buffer);
                if (timed > 0) {
                    seconds.add((System.nanoTime() - start - TransferProbe.COMPUTE_NANOS) / 2e9);
                }
                TransferProbe.compute();
                step++;
            }
            medians[size] = Percentiles.of(
                    seconds.stream().mapToDouble(Double::doubleValue).toArray(), 50);
        }
        return medians;
    }

    /** Answers until the one that leads has timed enough. */
    static void answer(Communicator comm, int rank, int leader) throws InterruptedException {
        int said = MORE;
        for (int step = 0; said != LAST; step++) {
            Message message = TransferProbe.await(comm, rank, leader, step);
            said = message.ints()[0];
            float[] buffer = message.floats().clone();
            TransferProbe.compute();
            TransferProbe.send(comm, leader, rank, step, buffer);
        }
    }
}
