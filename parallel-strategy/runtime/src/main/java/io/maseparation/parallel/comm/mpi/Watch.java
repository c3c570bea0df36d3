package io.maseparation.parallel.comm.mpi;

import io.maseparation.files.Text;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Notices when another process does not answer any more, which MPI itself does not: every process tells the leader each
 * second that it is there, and the leader tells all others. Whoever cannot reach the leader knows itself cut off.
 */
final class Watch {
    private static final long BEAT_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    /** Longer between two looks, and this process was stopped itself. */
    static final long OWN_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(2);
    /** What all but one of those who miss the leader wait longer, so that one line says it. */
    private static final long LATER_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final OpenMpi mpi;
    private final OpenMpi.Group group;
    private final int rank;
    private final int size;
    private final long mostNanos;
    private final Consumer<String> lost;
    private final long[] heard;
    private final boolean[] beating;
    private final Thread thread;
    private volatile boolean stopping;

    /**
     * Begins to watch.
     *
     * @param rank of this process
     * @param size number of processes
     * @param most time after which a process that was not heard of is lost
     * @param lost takes a line that says which one it is, once
     */
    Watch(OpenMpi mpi, OpenMpi.Group group, int rank, int size, Duration most, Consumer<String> lost) {
        this.mpi = mpi;
        this.group = group;
        this.rank = rank;
        this.size = size;
        mostNanos = most.toNanos();
        this.lost = lost;
        heard = new long[size];
        beating = new boolean[size];
        thread = Thread.ofPlatform().daemon().name("mpi-heartbeat").start(this::run);
    }

    private void run() {
        try (Arena arena = Arena.ofConfined()) {
            watch(arena);
        } catch (RuntimeException e) {
            if (!stopping) {
                lost.accept("rank %d cannot reach the others: %s".formatted(rank, e.getMessage()));
            }
        }
    }

    private boolean watches(int other) {
        return other != rank && (rank == 0 || other == 0);
    }

    private void watch(Arena arena) {
        MemorySegment scratch = arena.allocate(OpenMpi.SCRATCH_BYTES, Long.BYTES);
        MemorySegment[] words = new MemorySegment[size];
        Arrays.setAll(words, i -> arena.allocate(OpenMpi.TRANSFER_BYTES, Long.BYTES));
        MemorySegment beat = arena.allocate(Long.BYTES, Long.BYTES);
        MemorySegment came = arena.allocate(Long.BYTES, Long.BYTES);
        MemorySegment coming = arena.allocate(OpenMpi.TRANSFER_BYTES, Long.BYTES);
        long before = System.nanoTime();
        Arrays.fill(heard, before);
        long nextBeat = before;
        while (!stopping) {
            long now = System.nanoTime();
            if (now - before > OWN_PAUSE_NANOS) {
                // It is not the others' fault that nothing was heard of them.
                Arrays.fill(heard, now);
            }
            before = now;
            for (OpenMpi.Probed probed = mpi.probe(group, scratch); probed != null; probed =
                    mpi.probe(group, scratch)) {
                if (probed.bytes() != Long.BYTES) {
                    lost.accept("rank %d sent a heartbeat of %d bytes".formatted(probed.from(), probed.bytes()));
                    return;
                }
                mpi.receive(probed, came, coming);
                while (!mpi.ended(coming)) {
                    LockSupport.parkNanos(LOOK_NANOS / 100);
                }
                heard[probed.from()] = now;
            }
            if (now - nextBeat >= 0) {
                nextBeat = now + BEAT_NANOS;
                beat(beat, words);
            }
            int missing = missing(now);
            if (missing >= 0) {
                lost.accept("rank %d is lost: nothing was heard of it for %s s".formatted(
                        missing, Text.number(Math.round((now - heard[missing]) / 1e8) / 10.0)));
                return;
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    /** Tells the others that this process is there, but for those who have not taken the last beat. */
    private void beat(MemorySegment beat, MemorySegment[] words) {
        for (int other = 0; other < size; other++) {
            if (!watches(other)) {
                continue;
            }
            beating[other] = beating[other] && !mpi.ended(words[other]);
            if (!beating[other]) {
                mpi.send(group, other, beat, words[other]);
                beating[other] = true;
            }
        }
    }

    /** A process that was not heard of for too long; −1 for none. */
    private int missing(long now) {
        for (int other = 0; other < size; other++) {
            long most = mostNanos + (rank > 1 ? LATER_NANOS : 0);
            if (watches(other) && now - heard[other] > most) {
                return other;
            }
        }
        return -1;
    }

    void stop() throws InterruptedException {
        stopping = true;
        LockSupport.unpark(thread);
        thread.join();
    }
}
