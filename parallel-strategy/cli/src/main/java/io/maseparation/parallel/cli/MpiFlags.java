package io.maseparation.parallel.cli;

import io.maseparation.files.Text;
import io.maseparation.parallel.comm.mpi.MpiProcesses;
import io.maseparation.parallel.layout.PlanFile;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/** Ranks as processes of a job that {@code mpirun} starts: {@code --transport mpi}. Rank 0 speaks for all of them. */
final class MpiFlags {
    static final String TRANSPORT = "transport";
    private static final String LOST_AFTER = "lost-after";
    private static final String MPI = "mpi";
    private static final double LOST_AFTER_SECONDS = 8;
    private static final double MOST_SECONDS = 86_400;
    /** Time that mpirun has to end this process; then it ends itself. */
    private static final Duration PATIENCE = Duration.ofSeconds(1);
    /** Time that rank 0 has to say what all ranks know. */
    private static final Duration LEADER_SPEAKS = Duration.ofSeconds(5);

    private MpiFlags() {}

    static void addTransport(OptionList options) {
        options.value(TRANSPORT, "NAME",
                "how ranks talk: as threads (of one process), or by mpi (each a process of its own, started by mpirun;"
                        + " generate, calibrate, and devices --nccl) [threads]");
    }

    static void add(OptionList options) {
        options.value(LOST_AFTER, "SECONDS",
                "with --transport mpi: end all ranks when one was not heard of for so long [8]");
    }

    /** Whether ranks are to be processes. */
    static boolean chosen(Arguments arguments) {
        return arguments.choice(TRANSPORT, "threads", List.of("threads", MPI), t -> t).equals(MPI);
    }

    /** The rank of this process, if a command line is of a rank other than the one that speaks. */
    static OptionalInt silentRank(List<String> args) {
        boolean mpi = args.contains("--" + TRANSPORT + "=" + MPI);
        for (int i = 0; i + 1 < args.size(); i++) {
            mpi |= args.get(i).equals("--" + TRANSPORT) && args.get(i + 1).equals(MPI);
        }
        OptionalInt rank = MpiProcesses.launchedAs(System.getenv());
        return mpi && rank.isPresent() && rank.getAsInt() > 0 ? rank : OptionalInt.empty();
    }

    /**
     * Leaves it to rank 0 to say what every rank finds, and to mpirun to end this one then. It goes on where only this
     * one finds it.
     */
    static void waitForLeader() {
        LockSupport.parkNanos(LEADER_SPEAKS.toNanos());
    }

    /**
     * {@return seconds until a rank that does not answer counts as lost}
     *
     * @throws UsageException if there is no such time, or it was given and ranks are no processes
     */
    static double lostAfter(Arguments arguments) {
        double seconds = arguments.number(LOST_AFTER, LOST_AFTER_SECONDS);
        if (!(seconds >= 1 && seconds <= MOST_SECONDS)) {
            throw new UsageException("--%s must be from 1 to %s, is %s"
                    .formatted(LOST_AFTER, Text.number(MOST_SECONDS), Text.number(seconds)));
        }
        if (!chosen(arguments) && arguments.has(LOST_AFTER)) {
            throw new UsageException("--%s is for --%s %s".formatted(LOST_AFTER, TRANSPORT, MPI));
        }
        return seconds;
    }

    /**
     * Refuses devices that processes do not have, which are where mpirun started them.
     *
     * @throws UsageException if a plan puts ranks on other devices than one after the other
     */
    static void checkDevices(PlanFile plan, Path file) {
        List<Integer> devices = plan.devices();
        if (!devices.equals(IntStream.range(0, devices.size()).boxed().toList())) {
            throw new UsageException(("%s: devices: ranks are not on 0 to %d in their order, and with --%s %s each has"
                    + " the device of its process: write them so, and tell mpirun which host each rank is to be on")
                    .formatted(file, devices.size() - 1, TRANSPORT, MPI));
        }
    }

    /**
     * Joins the job, if ranks are to be processes.
     *
     * @param ranks as many as the plan has; empty for any number
     * @throws UsageException if there is another number of processes
     */
    static Optional<MpiProcesses> join(Arguments arguments, OptionalInt ranks, Terminal terminal) {
        double seconds = lostAfter(arguments);
        if (!chosen(arguments)) {
            return Optional.empty();
        }
        MpiProcesses processes = MpiProcesses.join(
                Duration.ofMillis((long) (1000 * seconds)), line -> lost(line, terminal));
        if (ranks.isPresent() && processes.size() != ranks.getAsInt()) {
            processes.close();
            throw new UsageException("--%s %s: the layout has %s, and there %s: start it with mpirun -n %d".formatted(
                    TRANSPORT, MPI, Text.count(ranks.getAsInt(), "rank"),
                    processes.size() == 1 ? "is 1 process" : "are %d processes".formatted(processes.size()),
                    ranks.getAsInt()));
        }
        return Optional.of(processes);
    }

    /** A rank does not answer any more: says so and ends this process, after mpirun had the time to. */
    private static void lost(String line, Terminal terminal) {
        terminal.err().println("ma: " + Main.oneLine(line));
        terminal.err().flush();
        Thread.ofPlatform().daemon().name("mpi-lost").start(() -> {
            LockSupport.parkNanos(PATIENCE.toNanos());
            Runtime.getRuntime().halt(1);
        });
    }

    /** A stream that begins each line with the rank that writes it. */
    static PrintStream prefixed(int rank, PrintStream to) {
        byte[] prefix = "[rank %d] ".formatted(rank).getBytes(StandardCharsets.UTF_8);
        return new PrintStream(new OutputStream() {
            private boolean begins = true;

            @Override
            public synchronized void write(int b) {
                if (begins) {
                    to.write(prefix, 0, prefix.length);
                }
                begins = b == '\n';
                to.write(b);
            }

            @Override
            public synchronized void write(byte[] bytes, int from, int length) {
                for (int i = from; i < from + length; i++) {
                    write(bytes[i]);
                }
            }

            @Override
            public void flush() {
                to.flush();
            }
        }, true, StandardCharsets.UTF_8);
    }
}
