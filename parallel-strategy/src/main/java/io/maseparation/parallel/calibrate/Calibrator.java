package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.Operation;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelException;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.DevicePeak;
import io.maseparation.moe.segments.HostHop;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.InProcessCommunicator;
import io.maseparation.parallel.comm.RunAbortedException;
import io.maseparation.parallel.plan.PlanException;
import io.maseparation.parallel.plan.Planning;
import io.maseparation.parallel.plan.RankPlan;
import io.maseparation.parallel.plan.StrategyOptions;
import io.maseparation.parallel.report.HostPeak;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * Measures devices with one model's shapes, in rounds, so that other measurements can take turns with them: what a machine
 * gives changes with the minutes. On devices with a memory of their own TornadoVM's profiler is switched on at the end only,
 * since it slows down all that runs after it.
 */
public final class Calibrator implements AutoCloseable {
    private static final int DEVICES = 16;
    private static final int CONTENTION_STEPS = 10;
    private static final int EXCHANGED_FLOATS = 1024;
    private static final int CONTENTION_ROWS = 6;
    private static final int CONTENTION_CONTEXT = 32;
    private static final int PROFILED_ROUNDS = 3;

    private final List<Device> devices;
    private final ModelWeights weights;
    private final int batch;
    private final int context;
    private final boolean embedded;
    private final DeviceProbe probe;
    /** Two ranks that compute at once. */
    private final List<DeviceProbe> pair = new ArrayList<>();

    private final TransferProbe transfers = new TransferProbe();
    private final SegmentTimes alone = new SegmentTimes();
    private final SegmentTimes together = new SegmentTimes();

    /**
     * @param devices devices of one kind; the first is measured
     * @param batch rows of a step that are measured at least
     * @param context positions that are measured at least
     */
    public Calibrator(List<Device> devices, ModelWeights weights, int batch, int context) {
        this.devices = List.copyOf(devices);
        this.weights = weights;
        this.batch = batch;
        this.context = context;
        embedded = devices.getFirst().target().embedded();
        probe = whole(embedded);
        try {
            if (embedded) {
                for (RankPlan rank : pair(weights.config())) {
                    pair.add(new DeviceProbe(devices.getFirst(), weights, rank, batch, context, true));
                }
            }
        } catch (RuntimeException | OutOfMemoryError e) {
            close();
            throw e;
        }
    }

    private DeviceProbe whole(boolean profiled) {
        RankPlan rank = Planning.plan(weights.config(), StrategyOptions.single()).ranks().getFirst();
        return new DeviceProbe(devices.getFirst(), weights, rank, batch, context, profiled);
    }

    /** Two ranks that do the same at once: halves of the model, or where it cannot be halved, all of it twice. */
    private static List<RankPlan> pair(ModelConfig config) {
        try {
            return Planning.plan(config, StrategyOptions.tensorPipeline(2, 1)).ranks();
        } catch (PlanException e) {
            RankPlan whole = Planning.plan(config, StrategyOptions.single()).ranks().getFirst();
            return List.of(whole, whole);
        }
    }

    /** Lets the JVM compile what is measured. */
    public void warmUp() {
        probe.warmUp();
        pair.forEach(DeviceProbe::warmUp);
    }

    /** Measures operations, messages and contention once more. */
    public void measure() {
        try {
            probe.measure();
            transfers.measure();
            if (!embedded) {
                return;
            }
            // Halves too: a matrix half as wide takes more than half as long.
            pair.getFirst().measure();
            pair.forEach(half -> steps(half, alone, () -> {}));
            Communicator communicator = new InProcessCommunicator(2);
            atOnce(
                    communicator,
                    () -> steps(pair.get(0), together, new Rendezvous(communicator, 0)),
                    () -> steps(pair.get(1), together, new Rendezvous(communicator, 1)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ModelException("interrupted", e);
        }
    }

    /** Runs what two ranks do; where one of them fails the other does not wait for it, and the failure is thrown. */
    static void atOnce(Communicator communicator, Runnable here, Runnable there) throws InterruptedException {
        try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
            Future<?> other = thread.submit(() -> orAbort(communicator, there));
            try {
                orAbort(communicator, here);
            } catch (RunAbortedException e) {
                // The other one knows why.
            }
            other.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException unchecked
                    ? unchecked
                    : new IllegalStateException(e.getCause());
        }
    }

    private static void orAbort(Communicator communicator, Runnable work) {
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            communicator.abort();
            throw e;
        }
    }

    /**
     * What has been measured: a cluster of 16 such devices.
     *
     * @throws ModelException if the model's experts lie apart
     */
    public Calibration result() {
        Map<Operation, Calibration.Fit> fits = new EnumMap<>(Operation.class);
        Map<Operation, OperationRate> rates = new EnumMap<>(Operation.class);
        Link hop = embedded ? transfers.link() : overHost();
        samples().forEach((operation, samples) -> {
            RateFit fit = RateFit.of(samples);
            rates.put(operation, fit.rate());
            fits.put(operation, new Calibration.Fit(fit.rate(), fit.medianError(), fit.samples()));
        });
        Device device = devices.getFirst();
        DeviceKind kind = embedded ? embeddedKind(rates) : deviceKind(device, rates);
        return new Calibration(
                new Cluster(
                        "this-machine",
                        embedded ? "embedded devices, threads of one host" : "ranks on " + devices.size() + " devices",
                        List.of(kind),
                        IntStream.range(0, DEVICES)
                                .mapToObj(i -> new Cluster.Device(0, 0))
                                .toList(),
                        hop,
                        hop,
                        Double.POSITIVE_INFINITY,
                        host(),
                        List.of(),
                        List.of()),
                fits);
    }

    private Map<Operation, List<RateFit.Sample>> samples() {
        if (embedded) {
            Map<Operation, List<RateFit.Sample>> measured = probe.samples(Map.of());
            pair.getFirst()
                    .samples(Map.of())
                    .forEach((operation, samples) -> measured
                            .computeIfAbsent(operation, o -> new ArrayList<>())
                            .addAll(samples));
            return measured;
        }
        try (DeviceProbe profiled = whole(true)) {
            profiled.warmUp();
            for (int i = 0; i < PROFILED_ROUNDS; i++) {
                profiled.measure();
            }
            return profiled.samples(probe.segmentSeconds());
        }
    }

    /** From device to device through the host's memory. */
    private Link overHost() {
        Link message = transfers.link();
        return new Link(
                message.latencySeconds(),
                1 / (1 / message.bytesPerSecond() + HostHop.secondsPerByte(devices.getFirst())));
    }

    private DeviceKind embeddedKind(Map<Operation, OperationRate> rates) {
        HostPeak peak = HostPeak.measure();
        // An embedded device has as much memory as the host can give.
        double memory = Math.min(devices.getFirst().memoryBytes(), MemoryBudget.available());
        return new DeviceKind(
                "embedded", memory, peak.bytesPerSecond(), peak.flopsPerSecond(), 1, 1, 0, 0, 0, Double.NaN, rates);
    }

    private static DeviceKind deviceKind(Device device, Map<Operation, OperationRate> rates) {
        DevicePeak peak = DevicePeak.measure(device);
        return new DeviceKind(
                device.name(),
                device.memoryBytes(),
                peak.bytesPerSecond(),
                peak.flopsPerSecond(),
                1,
                1,
                0,
                0,
                0,
                Double.NaN,
                rates);
    }

    private HostSharing host() {
        if (!embedded) {
            // Ranks on one device take turns; their host threads move the data.
            return new HostSharing(devices.size(), devices.size() == 1 ? 1 : 0, 0);
        }
        // More than twice as long is possible: two ranks also take each other's caches.
        double slowdown = Math.clamp(together.seconds() / alone.seconds(), 1, 1 + HostSharing.MOST_CONTENTION);
        // Of two that share a host the slower one goes on alone, faster: their times differ by less than their work.
        return new HostSharing(
                Runtime.getRuntime().availableProcessors(),
                slowdown - 1,
                Math.clamp(together.variation() * slowdown, 0, HostSharing.MOST_VARIATION));
    }

    private static void steps(DeviceProbe device, SegmentTimes times, Runnable beforeSegment) {
        for (int i = 0; i < CONTENTION_STEPS; i++) {
            times.add(device.step(CONTENTION_ROWS, CONTENTION_CONTEXT, beforeSegment));
        }
    }

    /** Waits for the other of two ranks as all-reduces do: each tells the other, and sleeps until it has heard. */
    private static final class Rendezvous implements Runnable {
        private final Communicator communicator;
        private final int rank;
        private final float[] buffer = new float[EXCHANGED_FLOATS];
        private int number;

        Rendezvous(Communicator communicator, int rank) {
            this.communicator = communicator;
            this.rank = rank;
        }

        @Override
        public void run() {
            try {
                TransferProbe.send(communicator, 1 - rank, rank, number, buffer);
                TransferProbe.receive(communicator, rank, number, buffer);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            number++;
        }
    }

    @Override
    public void close() {
        probe.close();
        pair.forEach(DeviceProbe::close);
    }
}
