package io.maseparation.parallel.calibrate;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.LaunchTimes;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.cluster.Roofline;
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

/**
 * Measures devices with one model's shapes, in rounds, so that other measurements can take turns with them: what a
 * machine gives changes with the minutes. Devices with a memory of their own are steadier, and their host is what
 * changes: it gets faster for as long as the JVM compiles. They are measured when all else has run (see {@link
 * GpuMeasurements}).
 */
public final class Calibrator implements AutoCloseable {
    private static final int DEVICES = 16;
    private static final int CONTENTION_STEPS = 10;
    private static final int EXCHANGED_FLOATS = 1024;
    private static final int CONTENTION_ROWS = 6;
    private static final int CONTENTION_CONTEXT = 32;

    private final List<Device> devices;
    private final ModelWeights weights;
    private final int batch;
    private final int context;
    private final boolean embedded;
    /** On embedded devices all of the model, and two ranks that compute at once. */
    private final List<DeviceProbe> probes = new ArrayList<>();

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
        if (!embedded) {
            return;
        }
        try {
            List<RankPlan> ranks = new ArrayList<>(List.of(single()));
            ranks.addAll(pair(weights.config()));
            for (RankPlan rank : ranks) {
                probes.add(new DeviceProbe(devices.getFirst(), weights, rank, batch, context, true));
            }
        } catch (RuntimeException | OutOfMemoryError e) {
            close();
            throw e;
        }
    }

    private RankPlan single() {
        return Planning.plan(weights.config(), Layout.single()).ranks().getFirst();
    }

    /** Two ranks that do the same at once: halves of the model, or where it cannot be halved, all of it twice. */
    private static List<RankPlan> pair(ModelConfig config) {
        try {
            return Planning.plan(config, Layout.tensorPipeline(2, 1)).ranks();
        } catch (PlanException e) {
            RankPlan whole = Planning.plan(config, Layout.single()).ranks().getFirst();
            return List.of(whole, whole);
        }
    }

    /** Lets the JVM compile what is measured. */
    public void warmUp() {
        probes.forEach(DeviceProbe::warmUp);
    }

    /** Measures operations, messages and contention once more. */
    public void measure() {
        try {
            transfers.measure();
            if (!embedded) {
                return;
            }
            // Halves too: a matrix half as wide takes more than half as long.
            List<DeviceProbe> pair = probes.subList(1, 3);
            probes.getFirst().measure();
            pair.getFirst().measure();
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
     * What has been measured: a cluster of 16 such devices. On devices with a memory of their own most is measured now.
     *
     * @throws ModelException if the model's experts lie apart
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
                    devices.getFirst(), weights, single(), pair(weights.config()), batch, context);
            Map<Operation, Calibration.Fit> fits = fits(gpu.samples());
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

    private static Map<Operation, OperationRate> rates(Map<Operation, Calibration.Fit> fits) {
        Map<Operation, OperationRate> rates = new EnumMap<>(Operation.class);
        fits.forEach((operation, fit) -> rates.put(operation, fit.rate()));
        return rates;
    }

    private DeviceKind embeddedKind(Map<Operation, OperationRate> rates) {
        HostPeak peak = HostPeak.measure();
        // An embedded device has as much memory as the host can give.
        double memory = Math.min(devices.getFirst().memoryBytes(), MemoryBudget.available());
        return new DeviceKind(
                "embedded",
                memory,
                Roofline.peak(peak.bytesPerSecond(), peak.flopsPerSecond()),
                LaunchTimes.NONE,
                Double.NaN,
                Double.POSITIVE_INFINITY,
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
                rates);
    }

    private HostSharing sharedCores() {
        // More than twice as long is possible: two ranks also take each other's caches.
        double slowdown = Math.clamp(together.seconds() / alone.seconds(), 1, 1 + HostSharing.MOST_CONTENTION);
        // Of two that share a host the slower one goes on alone, faster: their times differ by less than their work.
        return new HostSharing(
                Runtime.getRuntime().availableProcessors(),
                0,
                slowdown - 1,
                Math.clamp(together.variation() * slowdown, 0, HostSharing.MOST_VARIATION));
    }

    private static void steps(DeviceProbe device, SegmentTimes times, Runnable beforeSegment) {
        for (int i = 0; i < CONTENTION_STEPS; i++) {
            times.add(device.step(CONTENTION_ROWS, CONTENTION_CONTEXT, beforeSegment));
        }
    }

    /** Waits for the other of two ranks as all-reduces do: each tells the other, and sleeps until it has heard. */
    private static Runnable rendezvous(Communicator communicator, int rank) {
        float[] buffer = new float[EXCHANGED_FLOATS];
        AtomicInteger meetings = new AtomicInteger();
        return () -> {
            int meeting = meetings.getAndIncrement();
            try {
                TransferProbe.send(communicator, 1 - rank, rank, meeting, buffer);
                TransferProbe.receive(communicator, rank, meeting, buffer);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        };
    }

    @Override
    public void close() {
        probes.forEach(DeviceProbe::close);
    }
}
