package io.maseparation.parallel.calibrate;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.LaunchTimes;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.cluster.Roofline;
import io.maseparation.parallel.cluster.ShapeTimes;
import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.InProcessCommunicator;
import io.maseparation.parallel.comm.RunAbortedException;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.measure.HostPeak;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * Measures devices with one model's shapes. It measures in rounds that can alternate with other measurements, since the
 * speed of a machine changes from minute to minute. Devices with memory of their own are steadier, but their host gets
 * faster for as long as the JVM compiles, so they are measured after everything else has run ({@link GpuMeasurements}).
 */
public final class Calibrator implements AutoCloseable {
    private static final int DEVICES = 16;
    /** Seconds of a round for times by shape. */
    private static final double SHAPES_SECONDS = 6;

    /** Rounds, where all of them are measured at once. */
    private static final int SHAPES_ROUNDS = 10;

    private static final int CONTENTION_STEPS = 10;
    private static final int EXCHANGED_FLOATS = 1024;
    private static final int CONTENTION_ROWS = 6;

    private final List<Device> devices;
    private final ModelWeights weights;
    private final ProbeRoom room;
    private final boolean embedded;
    /** On embedded devices: one probe of the whole model, and two of ranks that compute at once. */
    private final List<DeviceProbe> probes = new ArrayList<>();

    private final ShapeProbe shapes;
    private final TransferProbe transfers = new TransferProbe();
    private final SegmentTimes alone = new SegmentTimes();
    private final SegmentTimes together = new SegmentTimes();

    /**
     * Loads the model onto the first device, if it is an embedded one.
     *
     * @param devices devices of one kind, of which the first is measured
     * @param weights the model
     * @param kvType format of the cache
     * @param batch measured steps have up to this many rows, or more
     * @param context measured steps have up to this many positions per row, or more
     * @throws ModelException if they need more memory than there is
     */
    public Calibrator(List<Device> devices, ModelWeights weights, DataType kvType, int batch, int context) {
        this.devices = List.copyOf(devices);
        this.weights = weights;
        Device device = devices.getFirst();
        embedded = device.target().embedded();
        ModelConfig config = weights.config();
        room = new ProbeRoom(device, config, shard -> RankDevice.copiedWeightBytes(device, weights, shard),
                DeviceProbe.Sizes.usual(config, kvType, batch, context));
        long taken = require(room, 0, 0);
        shapes = new ShapeProbe(device, weights, room, taken);
        if (!embedded) {
            return;
        }
        try {
            List<RankPlan> ranks = ranks(config);
            room.requireHost(room.hostBytes(GpuMeasurements.held(room, ranks)) + room.hostBytes(shapes.held()), "");
            for (RankPlan rank : ranks) {
                probes.add(new DeviceProbe(device, weights, rank, room.sizes(), true));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /**
     * Refuses what is more than the memory holds, before anything is made, the weights included.
     *
     * @param devices devices of one kind, of which the first is measured
     * @param config the model
     * @param weightBytes bytes of its weights that are not there yet
     * @param kvType format of the cache
     * @param batch measured steps have up to this many rows, or more
     * @param context measured steps have up to this many positions per row, or more
     * @param runs whether runs of {@code batch} sequences of {@code context} positions go with the measurements
     * @throws ModelException if there is less memory
     */
    public static void requireMemory(
            List<Device> devices, ModelConfig config, long weightBytes, DataType kvType, int batch, int context,
            boolean runs) {
        // Copies of weights are counted when there are weights.
        ProbeRoom room = new ProbeRoom(devices.getFirst(), config, shard -> 0,
                DeviceProbe.Sizes.usual(config, kvType, batch, context));
        Capacity capacity = new DeviceProbe.Sizes(kvType, batch, List.of(context), 1).capacity();
        require(room, weightBytes, runs ? capacity.hostBytes(config, single(config).shard()) : 0);
    }

    /** The host's memory that measurements take at most, beside weights and runs, after it was found to be there. */
    private static long require(ProbeRoom room, long weightBytes, long runBytes) {
        RankPlan single = single(room.config());
        String beside = weightBytes > 0 ? "the weights of %s and ".formatted(room.config().name()) : "";
        if (room.device().target().embedded()) {
            long all = room.hostBytes(GpuMeasurements.held(room, ranks(room.config())));
            room.requireHost(weightBytes + all + runBytes, beside);
            return all;
        }
        long most = 0;
        for (List<RankPlan> atOnce : List.of(List.of(single), pair(room.config()))) {
            List<ProbeRoom.Held> held = GpuMeasurements.held(room, atOnce);
            room.requireDevice(room.deviceBytes(held), room.device().freeBytes());
            most = Math.max(most, room.hostBytes(held));
        }
        // Runs come before measurements, and have gone by then.
        room.requireHost(weightBytes + Math.max(most, runBytes), beside);
        return 0;
    }

    private static List<RankPlan> ranks(ModelConfig config) {
        return Stream.concat(Stream.of(single(config)), pair(config).stream()).toList();
    }

    private static RankPlan single(ModelConfig config) {
        return Planning.plan(config, Layout.single()).ranks().getFirst();
    }

    /** Two ranks that do the same at once: halves of the model, or the whole model twice if it cannot be halved. */
    private static List<RankPlan> pair(ModelConfig config) {
        try {
            return Planning.plan(config, Layout.tensorPipeline(2, 1)).ranks();
        } catch (PlanException e) {
            RankPlan whole = single(config);
            return List.of(whole, whole);
        }
    }

    /** Runs what is measured until the JVM has compiled it. */
    public void warmUp() {
        probes.forEach(DeviceProbe::warmUp);
        if (embedded) {
            shapes.measure(SHAPES_SECONDS);
        }
    }

    /**
     * Measures operations, messages and contention once more.
     *
     * @throws ModelException if the thread is interrupted
     */
    public void measure() {
        try {
            transfers.measure();
            if (!embedded) {
                return;
            }
            // Halves are measured too, since a matrix half as wide takes more than half as long.
            List<DeviceProbe> pair = probes.subList(1, 3);
            probes.getFirst().measure();
            pair.getFirst().measure();
            shapes.measure(SHAPES_SECONDS);
            pair.forEach(half -> steps(half, alone, () -> {}));
            Communicator communicator = new InProcessCommunicator(2);
            atOnce(
                    communicator,
                    () -> steps(pair.get(0), together, rendezvous(communicator, 0)),
                    () -> steps(pair.get(1), together, rendezvous(communicator, 1)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ModelException("interrupted", e);
        }
    }

    /** What a rank waiting for messages does. */
    interface RankWork {
        void run() throws InterruptedException;
    }

    /**
     * Runs two ranks at once. If one of them fails or is interrupted, the other does not wait for it, and the failure
     * is thrown.
     */
    static void atOnce(Communicator communicator, RankWork here, RankWork there) throws InterruptedException {
        try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
            Future<?> other = thread.submit(() -> {
                orAbort(communicator, there);
                return true;
            });
            try {
                orAbort(communicator, here);
            } catch (RunAbortedException e) {
                // The other rank failed, and its exception is thrown below.
            }
            other.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException unchecked
                    ? unchecked
                    : new IllegalStateException(e.getCause());
        }
    }

    private static void orAbort(Communicator communicator, RankWork work) throws InterruptedException {
        try {
            work.run();
        } catch (RuntimeException | Error | InterruptedException e) {
            communicator.abort();
            throw e;
        }
    }

    /**
     * Returns what has been measured. On devices with memory of their own, most is measured now.
     *
     * @return a profile of a cluster of 16 such devices
     * @throws ModelException if the model's experts are not stored side by side, or the thread is interrupted
     */
    public Calibration result() {
        if (embedded) {
            Map<Operation, List<RateFit.Sample>> samples = new EnumMap<>(Operation.class);
            probes.subList(0, 2).forEach(probe -> probe.addSamples(samples));
            Map<Operation, Calibration.Fit> fits = fits(samples);
            return new Calibration(
                    cluster("embedded devices, threads of one host", embeddedKind(rates(fits)), sharedCores()),
                    fits,
                    Optional.empty());
        }
        try {
            GpuMeasurements gpu = GpuMeasurements.of(
                    devices.getFirst(), weights, single(weights.config()), pair(weights.config()), room);
            Map<Operation, Calibration.Fit> fits = fits(gpu.samples());
            shapes.measureInTurn(SHAPES_ROUNDS * SHAPES_SECONDS);
            HostSharing host = new HostSharing(
                    Runtime.getRuntime().availableProcessors(), devices.size(), gpu.contention(), 0);
            return new Calibration(
                    cluster("ranks on " + devices.size() + " devices", deviceKind(gpu, rates(fits)), host),
                    fits,
                    Optional.of(gpu.split()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ModelException("interrupted", e);
        }
    }

    private Cluster cluster(String description, DeviceKind kind, HostSharing host) {
        return new Cluster(
                "this-machine",
                description,
                List.of(kind),
                Collections.nCopies(DEVICES, new Cluster.Device(0, 0)),
                Links.everywhere(transfers.link()),
                host,
                List.of(),
                List.of());
    }

    private static Map<Operation, Calibration.Fit> fits(Map<Operation, List<RateFit.Sample>> samples) {
        Map<Operation, Calibration.Fit> fits = new EnumMap<>(Operation.class);
        samples.forEach((operation, of) -> fits.put(operation, RateFit.of(of)));
        return fits;
    }

    /** Rates with the times by shape. */
    private Map<Operation, OperationRate> rates(Map<Operation, Calibration.Fit> fits) {
        Map<Operation, List<ShapeTimes.Curve>> curves = shapes.curves();
        Map<Operation, OperationRate> rates = new EnumMap<>(Operation.class);
        fits.forEach((operation, fit) -> rates.put(
                operation, fit.rate().with(curves.getOrDefault(operation, List.of()))));
        return rates;
    }

    private DeviceKind embeddedKind(Map<Operation, OperationRate> rates) {
        HostPeak peak = HostPeak.measure();
        // An embedded device has as much memory as the host can give it.
        double memory = Math.min(devices.getFirst().memoryBytes(), MemoryBudget.available());
        return new DeviceKind(
                "embedded",
                memory,
                Roofline.peak(peak.bytesPerSecond(), peak.flopsPerSecond()),
                LaunchTimes.NONE,
                Double.NaN,
                Double.POSITIVE_INFINITY,
                0,
                rates);
    }

    private DeviceKind deviceKind(GpuMeasurements gpu, Map<Operation, OperationRate> rates) {
        Device device = devices.getFirst();
        return new DeviceKind(
                device.name(),
                device.memoryBytes(),
                Roofline.peak(gpu.peak().bytesPerSecond(), gpu.peak().flopsPerSecond()),
                new LaunchTimes(
                        gpu.host().launchSeconds(), gpu.host().launchSeconds(), gpu.host().startSeconds()),
                Double.NaN,
                1 / Math.max(gpu.hostSecondsPerByte(), 1e-12),
                0,
                rates);
    }

    private HostSharing sharedCores() {
        // More than twice as long is possible, since two ranks also evict each other's data from the caches.
        double slowdown = Math.clamp(together.seconds() / alone.seconds(), 1, 1 + HostSharing.MOST_CONTENTION);
        // When two ranks share a host, the slower one ends alone and therefore faster: times differ less than work.
        return new HostSharing(
                Runtime.getRuntime().availableProcessors(),
                0,
                slowdown - 1,
                Math.clamp(together.variation() * slowdown, 0, HostSharing.MOST_VARIATION));
    }

    private static void steps(DeviceProbe device, SegmentTimes times, Runnable beforeSegment) {
        for (int i = 0; i < CONTENTION_STEPS; i++) {
            times.add(device.shortStep(CONTENTION_ROWS, beforeSegment));
        }
    }

    /** Waits for the other rank as an all-reduce does: each sends a message and sleeps until it has received one. */
    private static Runnable rendezvous(Communicator communicator, int rank) {
        float[] buffer = new float[EXCHANGED_FLOATS];
        AtomicInteger meetings = new AtomicInteger();
        return () -> {
            int meeting = meetings.getAndIncrement();
            try {
                TransferProbe.send(communicator, 1 - rank, rank, meeting, buffer);
                TransferProbe.receive(communicator, rank, 1 - rank, meeting, buffer);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        };
    }

    @Override
    public void close() {
        probes.forEach(DeviceProbe::close);
        shapes.close();
    }
}
