package io.maseparation.parallel.comm.mpi;

import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.Mailbox;
import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.comm.MessageKey;
import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.run.RunFailedException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Moves messages and notes between processes. Whoever sends does that on a thread of his own; one thread takes what
 * comes. MPI does not wake anybody, so that thread looks: without a rest while something is under way, often after
 * something moved, and less and less otherwise.
 */
final class Traffic implements Communicator {
    /**
     * Time without a rest since something began or ended, while something is under way: MPI moves a long message in
     * pieces, and each of them only while both sides look.
     */
    private static final long NO_REST_NANOS = 20_000_000;
    /** Time without a rest after something moved, when nothing is under way. */
    private static final long SOON_NANOS = 50_000;
    /** Until then short rests, and longer ones after it. */
    private static final long SHORT_RESTS_NANOS = 150_000_000;
    private static final long LONGER_RESTS_NANOS = 1_000_000_000;

    private static final long SHORT_NANOS = 10_000;
    private static final long LONGER_NANOS = 200_000;
    private static final long LONGEST_NANOS = 1_000_000;

    private final OpenMpi mpi;
    private final OpenMpi.Group group;
    private final int rank;
    private final Blocks blocks = new Blocks();
    private final Mailbox mailbox = new Mailbox();
    private final Queue<Blocks.Block> sent = new ConcurrentLinkedQueue<>();
    private final List<Arrival> arriving = new ArrayList<>();
    private final Thread thread;
    private volatile boolean stopping;

    /** Guards what follows. */
    private final Object lock = new Object();

    private final BitSet ended = new BitSet();
    private final Queue<Note> kept = new ArrayDeque<>();
    private Processes.@Nullable Listener listener;
    private @Nullable RuntimeException failure;

    private record Note(int from, byte[] bytes) {}

    /** Something that is being received. */
    private static final class Arrival {
        final int from;
        final Blocks.Block block;
        boolean here;

        Arrival(int from, Blocks.Block block) {
            this.from = from;
            this.block = block;
        }
    }

    /** @param rank of this process */
    Traffic(OpenMpi mpi, OpenMpi.Group group, int rank) {
        this.mpi = mpi;
        this.group = group;
        this.rank = rank;
        thread = Thread.ofPlatform().daemon().name("mpi-messages").start(this::run);
    }

    private void run() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment scratch = arena.allocate(OpenMpi.SCRATCH_BYTES, Long.BYTES);
            long moved = System.nanoTime();
            boolean before = false;
            while (!stopping) {
                boolean now = move(scratch);
                boolean underWay = !arriving.isEmpty() || !sent.isEmpty();
                if (now || (underWay && !before)) {
                    moved = System.nanoTime();
                } else {
                    rest(System.nanoTime() - moved, underWay);
                }
                before = underWay;
            }
        } catch (RuntimeException e) {
            fail(e);
        } catch (Error e) {
            fail(new RunFailedException("messages do not move any more: " + e, e));
            throw e;
        }
    }

    private void fail(RuntimeException cause) {
        Processes.Listener told;
        synchronized (lock) {
            failure = cause;
            told = listener;
            lock.notifyAll();
        }
        mailbox.abort();
        if (told != null) {
            told.broken(cause);
        }
    }

    @SuppressWarnings("ThreadPriorityCheck") // a yield costs nothing where the scheduler has nobody else
    private static void rest(long nanos, boolean underWay) {
        if (nanos < (underWay ? NO_REST_NANOS : SOON_NANOS)) {
            // Whoever it waits for may need this core.
            Thread.yield();
        } else {
            LockSupport.parkNanos(nanos < SHORT_RESTS_NANOS
                    ? SHORT_NANOS
                    : nanos < LONGER_RESTS_NANOS ? LONGER_NANOS : LONGEST_NANOS);
        }
    }

    /** Whether anything came or left. */
    private boolean move(MemorySegment scratch) {
        boolean moved = false;
        for (OpenMpi.Probed probed = mpi.probe(group, scratch); probed != null; probed = mpi.probe(group, scratch)) {
            Arrival arrival = new Arrival(probed.from(), blocks.take(probed.bytes()));
            mpi.receive(probed, arrival.block.message(), arrival.block.words());
            arriving.add(arrival);
            moved = true;
        }
        BitSet behind = new BitSet();
        for (Iterator<Arrival> each = arriving.iterator(); each.hasNext();) {
            Arrival arrival = each.next();
            arrival.here = arrival.here || mpi.ended(arrival.block.words());
            // In the order of the sender, whatever the lengths.
            if (arrival.here && !behind.get(arrival.from)) {
                each.remove();
                take(arrival.from, arrival.block.message());
                blocks.give(arrival.block);
                moved = true;
            } else {
                behind.set(arrival.from);
            }
        }
        for (Iterator<Blocks.Block> each = sent.iterator(); each.hasNext();) {
            Blocks.Block block = each.next();
            if (mpi.ended(block.words())) {
                each.remove();
                blocks.give(block);
                moved = true;
            }
        }
        return moved;
    }

    private void take(int from, MemorySegment message) {
        switch (Envelope.kind(from, message)) {
            case Envelope.MESSAGE -> {
                Envelope.Addressed addressed = Envelope.message(from, message);
                mailbox.put(addressed.key(), addressed.message());
            }
            case Envelope.NOTE -> told(from, Envelope.note(message));
            default -> {
                synchronized (lock) {
                    ended.set(from);
                    lock.notifyAll();
                }
            }
        }
    }

    private void told(int from, byte[] note) {
        Processes.Listener to;
        synchronized (lock) {
            to = listener;
            if (to == null) {
                kept.add(new Note(from, note));
                return;
            }
        }
        to.told(from, note);
    }

    /** Has notes taken, beginning with those that were kept. */
    void listen(Processes.Listener to) {
        // Those that come meanwhile are kept, too, so that they come after these.
        while (true) {
            Note next;
            synchronized (lock) {
                next = kept.poll();
                if (next == null) {
                    listener = to;
                    if (failure != null) {
                        throw failure;
                    }
                    return;
                }
            }
            to.told(next.from, next.bytes);
        }
    }

    void keep() {
        synchronized (lock) {
            listener = null;
        }
    }

    void tell(int to, byte[] note) {
        Blocks.Block block = blocks.take(Envelope.bytes(note));
        Envelope.write(block.message(), note);
        send(to, block);
    }

    /** Says that nothing more comes from here. */
    void end(int to) {
        Blocks.Block block = blocks.take(Integer.BYTES);
        block.message().set(ValueLayout.JAVA_INT, 0, Envelope.END);
        send(to, block);
    }

    /** Waits until nothing more comes from a process. */
    void awaitEnd(int from) throws InterruptedException {
        synchronized (lock) {
            while (!ended.get(from)) {
                if (failure != null) {
                    throw failure;
                }
                lock.wait();
            }
        }
    }

    private void send(int to, Blocks.Block block) {
        mpi.send(group, to, block.message(), block.words());
        // A short message has left by now.
        if (mpi.ended(block.words())) {
            blocks.give(block);
        } else {
            sent.add(block);
            LockSupport.unpark(thread);
        }
    }

    @Override
    public void send(int to, MessageKey key, Message message) {
        if (to == rank) {
            mailbox.put(key, message);
            return;
        }
        long bytes = Envelope.bytes(message);
        if (bytes > Integer.MAX_VALUE) {
            throw new RunFailedException(
                    "a message of %d bytes to rank %d is more than MPI takes: lower 'prefill_chunk'".formatted(bytes,
                            to),
                    null);
        }
        Blocks.Block block = blocks.take(bytes);
        Envelope.write(block.message(), key, message);
        send(to, block);
    }

    @Override
    public @Nullable Message poll(int of, MessageKey key) {
        return own(of).poll(key);
    }

    @Override
    public long arrivals(int of) {
        return own(of).arrivals();
    }

    @Override
    public void awaitArrival(int of, long seen) throws InterruptedException {
        own(of).await(seen);
    }

    @Override
    public void wake(int of) {
        own(of).wake();
    }

    @Override
    public void abort() {
        mailbox.abort();
    }

    private Mailbox own(int of) {
        if (of != rank) {
            throw new IllegalArgumentException("rank %d lives in another process than rank %d".formatted(of, rank));
        }
        return mailbox;
    }

    /** Moves nothing any more; what is under way stays where it is. */
    void stop() throws InterruptedException {
        stopping = true;
        thread.join();
    }

    /** Whether all that was sent has left. */
    boolean allSent() {
        return sent.isEmpty();
    }
}
