package io.maseparation.parallel.compare;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.operations.LibraryTasks;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.ExchangeProbe;
import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.comm.nccl.NcclCommunicator;
import io.maseparation.parallel.execute.Agreement;
import io.maseparation.parallel.run.RunFailedException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Whether NCCL moves what it should between arrays of devices, in the order of the kernels around it, with and without
 * CUDA graphs, and how long that takes beside the way through the host: between the processes of a job, each on a GPU
 * of its own, or on one GPU that sends to itself.
 */
public final class NcclCheck {
    private static final String LIBRARY = "ma/nccl";
    /** Floats for each member: from an activation of one row to some hundred rows. */
    private static final int[] COUNTS = {4 << 10, 96 << 10, 1536 << 10};
    private static final int MANY = 101;

    private NcclCheck() {}

    /**
     * What was found of one exchange.
     *
     * @param function what was done, {@link NcclCommunicator#EXCHANGE} or {@link NcclCommunicator#SUM}
     * @param captured whether its graphs were launched as CUDA graphs
     * @param bytes for each member
     * @param hostMicros of two graphs, and the copy between them through the host
     * @param ncclMicros of one graph in whose middle NCCL exchanges
     * @param moreMicros of each further exchange in it
     * @param failure what went wrong, if anything did
     */
    public record Outcome(
            String function, boolean captured, long bytes, double hostMicros, double ncclMicros, double moreMicros,
            Optional<String> failure) {}

    /** {@return number of outcomes of a check} */
    public static int count() {
        return 2 * 2 * COUNTS.length;
    }

    /**
     * {@return the version of NCCL that is here}
     *
     * @throws RunFailedException if there is none
     */
    public static String version() {
        return NcclCommunicator.version();
    }

    /**
     * Checks a device of TornadoVM's CUDA backend. To be called by all processes of a job, before anything runs on the
     * device.
     *
     * @param device where to run
     * @param processes all of them; empty to send to itself
     * @param done told after each outcome how many there are
     * @return what was found
     * @throws RunFailedException if there is no NCCL, or it refuses: processes that share a GPU, for one
     * @throws ModelException if the device cannot do such tasks
     */
    public static List<Outcome> run(Device device, Optional<Processes> processes, IntConsumer done) {
        // In a context of TornadoVM's own NCCL refuses to send and to receive.
        device.usePrimaryContext();
        int rank = processes.map(Processes::rank).orElse(0);
        int size = processes.map(Processes::size).orElse(1);
        byte[] own = rank == 0 ? NcclCommunicator.newId() : new byte[0];
        byte[] id = processes.map(all -> new Agreement().onBuild().reach(all, own)).orElse(own);
        List<Outcome> outcomes = new ArrayList<>();
        try (NcclCommunicator nccl = NcclCommunicator.join(id, rank, size);
                LibraryTasks.Registration _ = LibraryTasks.register(LIBRARY, nccl)) {
            for (String function : List.of(NcclCommunicator.EXCHANGE, NcclCommunicator.SUM)) {
                // A communicator connects its members at the first exchange, and not well while a graph is captured.
                for (boolean captured : new boolean[] {false, true}) {
                    for (int count : COUNTS) {
                        Outcome outcome = outcome(
                                device, new ExchangeProbe.Members(rank, size, count), function, captured);
                        outcomes.add(processes.map(all -> ofAll(all, outcome)).orElse(outcome));
                        done.accept(outcomes.size());
                    }
                }
            }
        } catch (LinkageError e) {
            throw new ModelException("TornadoVM is not as NCCL's tasks need it: " + e.getMessage(), e);
        }
        return outcomes;
    }

    /** The same with the failure of the first process that has one. */
    private static Outcome ofAll(Processes processes, Outcome own) {
        List<String> all = Agreement.exchange(processes, own.failure().orElse(""));
        Optional<String> first = IntStream.range(0, all.size())
                .filter(rank -> !all.get(rank).isEmpty())
                .mapToObj(rank -> "rank %d: %s".formatted(rank, all.get(rank)))
                .findFirst();
        return new Outcome(own.function(), own.captured(), own.bytes(), own.hostMicros(), own.ncclMicros(),
                own.moreMicros(), first);
    }

    private static Outcome outcome(
            Device device, ExchangeProbe.Members members, String function, boolean captured) {
        boolean sums = function.equals(NcclCommunicator.SUM);
        long bytes = (long) Float.BYTES * members.count();
        double[] micros = {Double.NaN, Double.NaN, Double.NaN};
        Optional<String> failure = Optional.empty();
        try {
            micros[0] = micros(device, members, ExchangeProbe.Way.HOST, captured);
            micros[1] = micros(device, members, new ExchangeProbe.Way(LIBRARY, function, sums, 1), captured);
            micros[2] = (micros(device, members, new ExchangeProbe.Way(LIBRARY, function, sums, MANY), captured)
                    - micros[1]) / (MANY - 1);
        } catch (RuntimeException e) {
            if (members.size() > 1 && !(e instanceof ModelException)) {
                // The others wait for this process's part: they end when it does.
                throw e;
            }
            failure = Optional.of(String.valueOf(e.getMessage()));
        }
        return new Outcome(function, captured, bytes, micros[0], micros[1], micros[2], failure);
    }

    private static double micros(
            Device device, ExchangeProbe.Members members, ExchangeProbe.Way way, boolean captured) {
        try (ExchangeProbe probe = new ExchangeProbe(device, members, way, captured)) {
            return probe.run();
        }
    }
}
