package io.maseparation.parallel.comm.nccl;

import io.maseparation.kernels.operations.DeviceLibrary;
import io.maseparation.parallel.run.RunFailedException;

/**
 * Members on GPUs of their own that exchange arrays of their devices, as tasks of their graphs. All members do the same
 * tasks in the same order.
 *
 * <p>{@link #EXCHANGE} (from, into, count, times): {@code count} floats of {@code from} for each member, in their
 * order, and {@code into} has as many of each: every member sends to every member, itself included, in one group.
 * {@link #SUM} (from, into, count, times): {@code into} becomes the sum of what all members have in {@code from}. Both
 * are done {@code times} times.
 */
public final class NcclCommunicator implements DeviceLibrary, AutoCloseable {
    /** Name of the function that has everybody send to everybody. */
    public static final String EXCHANGE = "exchange";
    /** Name of the function that adds up. */
    public static final String SUM = "sum";

    private final Nccl nccl;
    private final Nccl.Group group;
    private final int size;

    private NcclCommunicator(Nccl nccl, Nccl.Group group, int size) {
        this.nccl = nccl;
        this.group = group;
        this.size = size;
    }

    /**
     * {@return what members of a communicator recognise each other by: one of them makes it and tells the others}
     *
     * @throws RunFailedException if there is no NCCL here
     */
    public static byte[] newId() {
        return Nccl.load().newId();
    }

    /**
     * {@return the version of NCCL that is here}
     *
     * @throws RunFailedException if there is none
     */
    public static String version() {
        return Nccl.load().version();
    }

    /**
     * Joins a communicator on the GPU that the thread uses. Waits for all other members.
     *
     * @param id of {@link #newId}
     * @param rank of this member
     * @param size number of members
     * @return the communicator
     * @throws RunFailedException if there is no NCCL here, or it refuses: members that share a GPU, for one
     */
    public static NcclCommunicator join(byte[] id, int rank, int size) {
        if (id.length != Nccl.ID_BYTES) {
            throw new RunFailedException("an id of NCCL has %d bytes, not %d".formatted(Nccl.ID_BYTES, id.length),
                    null);
        }
        Nccl nccl = Nccl.load();
        return new NcclCommunicator(nccl, nccl.join(id, rank, size), size);
    }

    @Override
    public void enqueue(String function, Call call) {
        long from = call.addresses()[0];
        long into = call.addresses()[1];
        int count = call.number(2);
        for (int times = call.number(3); times > 0; times--) {
            switch (function) {
                case EXCHANGE -> exchange(from, into, count, call.stream());
                case SUM -> nccl.sum(group, from, into, count, call.stream());
                default -> throw new IllegalArgumentException("no function " + function);
            }
        }
    }

    private void exchange(long from, long into, int count, long stream) {
        nccl.begin();
        try {
            for (int member = 0; member < size; member++) {
                long at = (long) Float.BYTES * count * member;
                nccl.send(group, from + at, count, member, stream);
                nccl.receive(group, into + at, count, member, stream);
            }
        } finally {
            nccl.end(group);
        }
    }

    /** Leaves the communicator. What was given to devices has to be done by then. */
    @Override
    public void close() {
        nccl.leave(group);
    }
}
