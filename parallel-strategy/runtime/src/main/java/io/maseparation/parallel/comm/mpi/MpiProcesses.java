package io.maseparation.parallel.comm.mpi;

import io.maseparation.files.Text;
import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.run.RunFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The processes of an Open MPI job, started by {@code mpirun}. A JVM joins one once. Whoever fails ends with a status
 * other than 0 and without {@link #leave()}: {@code mpirun} then ends all others.
 */
public final class MpiProcesses implements Processes, AutoCloseable {
    /** Set by mpirun, and by other launchers that know PMIx. */
    private static final String[] RANK_VARIABLES = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK"};

    /** Where Linux tells a number that it draws when it starts. */
    private static final Path START_OF_HOST = Path.of("/proc/sys/kernel/random/boot_id");

    private static final long LOOK_NANOS = 1_000_000;
    private static final long NEIGHBOURS_NANOS = 250_000_000;
    /** Longest start: MPI waits for all processes, and no heartbeat is there yet to say which one is missing. */
    private static final Duration LONGEST_START = Duration.ofSeconds(60);

    private final OpenMpi mpi;
    private final int rank;
    private final int size;
    private final Duration lostAfter;
    /** Says who is lost, and ends this process. */
    private final Consumer<String> lost;
    private final Traffic traffic;
    private final Watch watch;
    /** Processes of this host with lower ranks, all of which are there until all leave. */
    private int lowerHere;

    private boolean left;
    private boolean stopped;

    private MpiProcesses(OpenMpi mpi, OpenMpi.Group all, Duration lostAfter, Consumer<String> lost) {
        this.mpi = mpi;
        this.lostAfter = lostAfter;
        this.lost = lost;
        rank = mpi.rank(all);
        size = mpi.size(all);
        watch = new Watch(mpi, mpi.duplicate(all), rank, size, lostAfter, line -> {
            lost.accept(line);
            mpi.abort(1);
        });
        traffic = new Traffic(mpi, mpi.duplicate(all), rank);
        System.getLogger(MpiProcesses.class.getName())
                .log(System.Logger.Level.DEBUG, "rank %d of %d, %s".formatted(rank, size, mpi.version()));
    }

    /**
     * {@return the rank that the launcher gave this process; empty where no launcher of MPI started it}
     *
     * @param environment the process's environment
     */
    public static OptionalInt launchedAs(Map<String, String> environment) {
        return Stream.of(RANK_VARIABLES)
                .flatMap(name -> Optional.ofNullable(environment.get(name)).stream())
                .filter(value -> value.matches("\\d{1,9}"))
                .mapToInt(Integer::parseInt)
                .findFirst();
    }

    /**
     * Joins the job that this process was started in. From now on it is noticed when another process does not answer.
     *
     * @param lostAfter time, more than 0, after which a process that nothing was heard of counts as lost
     * @param lost takes a line that says which one is, once, on a thread of its own, before all processes of the job
     *     are aborted. It has to end this process a little later, which that alone may not do on a host that is cut
     *     off, and which nothing else does while processes come to MPI or leave it
     * @return all processes
     * @throws RunFailedException if this process was not started by mpirun, or there is no Open MPI here
     */
    public static MpiProcesses join(Duration lostAfter, Consumer<String> lost) {
        OptionalInt launched = launchedAs(System.getenv());
        if (launched.isEmpty()) {
            throw new RunFailedException(
                    "this process was not started by mpirun: start it as mpirun -n N, with a process for each rank",
                    null);
        }
        OpenMpi mpi = OpenMpi.load();
        Thread guard = guard(LONGEST_START, lostAfter, lost,
                "rank %d: not all processes came to MPI within %s s: is one of them stopped, or its host not reached?"
                        .formatted(launched.getAsInt(), LONGEST_START.toSeconds()));
        OpenMpi.Group all = mpi.init();
        guard.interrupt();
        return new MpiProcesses(mpi, all, lostAfter, lost);
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return size;
    }

    /**
     * {@return what no other host is called, and what all processes of this one say} MPI's name of the host, and where
     * Linux tells that of its start, since hosts of two networks may share a name.
     */
    public String host() {
        try {
            return mpi.host() + " " + Files.readString(START_OF_HOST).strip();
        } catch (IOException e) {
            return mpi.host();
        }
    }

    @Override
    public Communicator communicator() {
        return traffic;
    }

    @Override
    public void tell(int to, byte[] note) {
        traffic.tell(to, note);
    }

    @Override
    public void listen(Listener listener) {
        traffic.listen(listener);
    }

    @Override
    public void keep() {
        traffic.keep();
    }

    /**
     * Leaves the job when all others do, too: the run has ended everywhere. To be called by every process.
     *
     * @throws RunFailedException if messages do not move, or the thread is interrupted
     */
    public void leave() {
        if (left) {
            return;
        }
        try {
            agreeToEnd();
            stop();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RunFailedException("interrupted", e);
        }
        left = true;
        lowerHere = (int) Neighbours.ranks().stream().filter(other -> other < rank).count();
        // MPI waits for all in there, without an end, and nobody may talk meanwhile.
        Thread guard = guard(lostAfter, lostAfter, lost, "rank %d: the others did not end their MPI within %s s"
                .formatted(rank, seconds(lostAfter)));
        mpi.leave();
        guard.interrupt();
    }

    /**
     * Waits in the first two processes of each host for the end of the others there, so that it is noticed when
     * one of them is stopped at the very last, which {@code mpirun} does not. For programs that have nothing left to
     * do but to end. The second process ends last, for the first one waits for all but that one.
     *
     * @throws RunFailedException if one of them is; this process has to end with a failure then
     */
    public void awaitOthers() {
        if (lowerHere > 1) {
            return;
        }
        Duration most = beforeLost(lostAfter);
        Neighbours neighbours = new Neighbours(most);
        // One that takes longer and is not stopped is no business of this process.
        long until = System.nanoTime() + lostAfter.toNanos();
        while (Neighbours.ranks().size() > 1 - lowerHere && System.nanoTime() < until) {
            OptionalInt stopped = neighbours.stopped();
            if (stopped.isPresent()) {
                throw new RunFailedException(stoppedLine(stopped.getAsInt(), most), null);
            }
            LockSupport.parkNanos(NEIGHBOURS_NANOS / 10);
        }
    }

    /** Says which process keeps all others from starting or ending MPI, unless the thread is interrupted before. */
    private static Thread guard(Duration longest, Duration lostAfter, Consumer<String> lost, String late) {
        Duration most = beforeLost(lostAfter);
        return Thread.ofPlatform().daemon().name("mpi-limit").start(() -> {
            long until = System.nanoTime() + longest.toNanos();
            Neighbours neighbours = new Neighbours(most);
            OptionalInt stopped = OptionalInt.empty();
            while (stopped.isEmpty() && System.nanoTime() < until) {
                LockSupport.parkNanos(NEIGHBOURS_NANOS);
                if (Thread.interrupted()) {
                    return;
                }
                stopped = neighbours.stopped();
            }
            lost.accept(stopped.isPresent() ? stoppedLine(stopped.getAsInt(), most) : late);
        });
    }

    /**
     * How long a process may be seen stopped: whoever sees it may have started later, and the launcher has to end
     * all of them.
     */
    private static Duration beforeLost(Duration lostAfter) {
        return lostAfter.dividedBy(4);
    }

    private static String stoppedLine(int rank, Duration most) {
        return "rank %d is lost: its process has been stopped for %s s".formatted(rank, seconds(most));
    }

    private static String seconds(Duration time) {
        return Text.number(time.toMillis() / 1e3);
    }

    /** The leader hears from all others that they are done, and then tells them that all are. */
    private void agreeToEnd() throws InterruptedException {
        if (rank != 0) {
            traffic.end(0);
            traffic.awaitEnd(0);
        } else {
            for (int other = 1; other < size; other++) {
                traffic.awaitEnd(other);
            }
            for (int other = 1; other < size; other++) {
                traffic.end(other);
            }
        }
        while (!traffic.allSent()) {
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    private void stop() throws InterruptedException {
        if (!stopped) {
            stopped = true;
            watch.stop();
            traffic.stop();
        }
    }

    /** Moves no messages any more. Unless {@link #leave()} was called before, the process has to end with a failure. */
    @Override
    public void close() {
        try {
            stop();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
