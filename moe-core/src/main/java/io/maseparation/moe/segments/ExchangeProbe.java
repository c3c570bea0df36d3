package io.maseparation.moe.segments;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.LibraryTasks;
import io.maseparation.kernels.portable.ProbePortable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Moves numbers from one array of a device to another, between a kernel that writes the one and a kernel that reads the
 * other, and says whether the right ones came and how long it took: by a library's task, or through the host as
 * messages between ranks go. After a library's task a kernel writes over what was sent, which shows if the order is not
 * held.
 */
public final class ExchangeProbe implements AutoCloseable {
    private static final int CHECKED_ROUNDS = 5;
    private static final int ROUNDS = 60;
    private static final int NOTHING_CAME = -2;

    private final Device device;
    private final Members members;
    private final int n;
    private final boolean captured;
    private final boolean staged;
    private final boolean sums;
    private final IntArray round = DeviceArrays.ints(1);
    private final FloatArray x;
    private final FloatArray y;
    private final FloatArray z;
    private final TornadoExecutionPlan plan;

    /**
     * Who exchanges.
     *
     * @param rank of this one
     * @param size number of them
     * @param count floats for each
     */
    public record Members(int rank, int size, int count) {}

    /**
     * What moves the numbers.
     *
     * @param library name of the library; empty for the host
     * @param function its function, of (from, into, count, times)
     * @param sums whether that adds up what all members have, instead of sending each its block
     * @param times how often it does so in a task
     */
    public record Way(String library, String function, boolean sums, int times) {
        /** Through the host's memory, without a wire. */
        public static final Way HOST = new Way("", "", false, 1);
    }

    /**
     * Builds the graphs.
     *
     * @param device where to run
     * @param members who exchanges
     * @param way what moves the numbers
     * @param captured whether each graph is launched as one CUDA graph
     */
    public ExchangeProbe(Device device, Members members, Way way, boolean captured) {
        this.device = device;
        this.members = members;
        this.captured = captured;
        staged = way.library().isEmpty();
        sums = way.sums();
        n = Math.multiplyExact(members.size(), members.count());
        x = DeviceArrays.floats(n);
        y = DeviceArrays.floats(n);
        z = DeviceArrays.floats(n);
        plan = new TornadoExecutionPlan(
                (staged ? List.of(giving(), taking()) : List.of(all(way))).toArray(ImmutableTaskGraph[]::new));
        plan.withDevice(device.device());
        if (captured) {
            plan.withCUDAGraph();
        }
    }

    private KernelGraph graph(String name) {
        return new KernelGraph(name, device.target(), new GridScheduler());
    }

    private void produce(KernelGraph graph) {
        graph.input(round);
        int length = n;
        int count = members.count();
        int rank = members.rank();
        graph.task("produce", g -> g.task("produce", ProbePortable::produce, round, x, length, count, rank));
    }

    private void consume(KernelGraph graph) {
        int length = n;
        graph.task("consume", g -> g.task("consume", ProbePortable::consume, y, z, length));
        graph.outputOnDemand(z);
    }

    private ImmutableTaskGraph all(Way way) {
        KernelGraph graph = graph("exchange");
        produce(graph);
        int count = way.sums() ? n : members.count();
        graph.task("move", g -> LibraryTasks.add(
                g, "move", way.library(), way.function(), 1, x, y, count, way.times()));
        int length = n;
        graph.task("clear", g -> g.task("clear", ProbePortable::clear, x, length));
        consume(graph);
        graph.workspace(x, y);
        return graph.build();
    }

    private ImmutableTaskGraph giving() {
        KernelGraph graph = graph("give");
        produce(graph);
        graph.output(x);
        return graph.build();
    }

    private ImmutableTaskGraph taking() {
        KernelGraph graph = graph("take");
        graph.input(y);
        consume(graph);
        return graph.build();
    }

    /**
     * Checks what comes, and then measures.
     *
     * @return microseconds that the graphs take, the median of many times
     * @throws ModelException if other numbers come than were sent
     */
    public double run() {
        // To the end in any case: others take part in each round, and would wait for one that is missing.
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < CHECKED_ROUNDS; i++) {
            check(i).ifPresent(wrong::add);
        }
        List<Double> micros = new ArrayList<>();
        for (int i = 0; i < ROUNDS; i++) {
            long start = System.nanoTime();
            execute(i);
            micros.add((System.nanoTime() - start) / 1e3);
        }
        check(ROUNDS).ifPresent(wrong::add);
        if (!wrong.isEmpty()) {
            throw new ModelException(wrong.getFirst());
        }
        double[] sorted = micros.stream().mapToDouble(m -> m).sorted().toArray();
        return sorted[sorted.length / 2];
    }

    private TornadoExecutionResult execute(int number) {
        round.set(0, number);
        TornadoExecutionResult result = plan.withGraph(0).execute();
        if (staged) {
            // As ranks do: from the device's array to a message's, and back.
            float[] message = new float[n];
            new HostFloats(x).read(0, message, 0, n);
            new HostFloats(y).write(0, message, 0, n);
            result = plan.withGraph(1).execute();
        }
        return result;
    }

    /** What came that was not sent. */
    private Optional<String> check(int number) {
        for (int i = 0; i < n; i++) {
            z.set(i, NOTHING_CAME);
        }
        execute(number).transferToHost(z);
        for (int i = 0; i < n; i++) {
            float expected = 2 * sent(i, number) + 1;
            if (z.get(i) != expected) {
                return Optional.of("in round %d%s, at %d of %d, came %s and not %s".formatted(
                        number, captured ? " of a captured graph" : "", i, n, z.get(i), expected));
            }
        }
        return Optional.empty();
    }

    /** The number that is to come to a place. */
    private float sent(int place, int number) {
        if (staged) {
            return produced(members.rank(), place, number);
        }
        if (sums) {
            float sum = 0;
            for (int rank = 0; rank < members.size(); rank++) {
                sum += produced(rank, place, number);
            }
            return sum;
        }
        int count = members.count();
        return produced(place / count, members.rank() * count + place % count, number);
    }

    private float produced(int rank, int place, int number) {
        return place % 512 + 16384 * (place / members.count()) + number + 1024 * rank;
    }

    @Override
    public void close() {
        try {
            plan.close();
        } catch (TornadoExecutionPlanException e) {
            throw new ModelException("device memory could not be freed: " + e.getMessage(), e);
        }
    }
}
