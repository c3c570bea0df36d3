package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.Operation;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.ModelException;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.report.HostPeak;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.IntStream;

/**
 * Measures this machine's embedded devices with one model's shapes, in rounds, so that other measurements can take turns
 * with them: what the machine gives changes with the minutes.
 */
public final class Calibrator implements AutoCloseable {
    private static final int DEVICES = 16;
    private static final int CONTENTION_STEPS = 10;
    private static final int CONTENTION_ROWS = 3;
    private static final int CONTENTION_CONTEXT = 32;

    private final Device device;
    private final HostPeak peak;
    private final DeviceProbe probe;
    private final DeviceProbe second;
    private final List<Link> links = new ArrayList<>();
    private final SegmentTimes alone = new SegmentTimes();
    private final SegmentTimes together = new SegmentTimes();

    /**
     * @param device an embedded device
     * @throws ModelException if the device is not an embedded one
     */
    public Calibrator(Device device, ModelWeights weights) {
        if (!device.target().embedded()) {
            throw new ModelException(
                    "calibrate measures embedded devices; %s is one of TornadoVM's %s backend"
                            .formatted(device.name(), device.backend()));
        }
        this.device = device;
        peak = HostPeak.measure();
        probe = new DeviceProbe(device, weights);
        try {
            second = new DeviceProbe(device, weights);
        } catch (RuntimeException e) {
            probe.close();
            throw e;
        }
    }

    /** Lets the JVM compile what is measured. */
    public void warmUp() {
        probe.warmUp();
        second.warmUp();
    }

    /** Measures operations, messages and contention once more. */
    public void measure() {
        try {
            probe.measure();
            links.add(TransferProbe.measure());
            steps(probe, alone);
            steps(second, alone);
            CyclicBarrier barrier = new CyclicBarrier(2);
            Thread thread = Thread.ofPlatform().start(() -> await(barrier, second));
            await(barrier, probe);
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ModelException("interrupted", e);
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
        probe.samples().forEach((operation, samples) -> {
            RateFit fit = RateFit.of(samples);
            rates.put(operation, fit.rate());
            fits.put(operation, new Calibration.Fit(fit.rate(), fit.medianError(), fit.samples()));
        });
        double nothing = probe.nothingSeconds();
        DeviceKind kind = new DeviceKind(
                "embedded",
                // An embedded device has as much as the host can give.
                Math.min(device.memoryBytes(), MemoryBudget.available()),
                peak.bytesPerSecond(),
                peak.flopsPerSecond(),
                1,
                1,
                nothing,
                nothing,
                nothing,
                Double.NaN,
                rates);
        Link link = new Link(
                links.stream().mapToDouble(Link::latencySeconds).average().orElseThrow(),
                links.stream().mapToDouble(Link::bytesPerSecond).average().orElseThrow());
        return new Calibration(
                new Cluster(
                        "this-machine",
                        "embedded devices, threads of one host",
                        List.of(kind),
                        IntStream.range(0, DEVICES)
                                .mapToObj(i -> new Cluster.Device(0, 0))
                                .toList(),
                        link,
                        link,
                        Double.POSITIVE_INFINITY,
                        host(),
                        List.of(),
                        List.of()),
                fits);
    }

    private HostSharing host() {
        // More than twice as long is possible: two ranks also take each other's caches.
        return new HostSharing(
                Runtime.getRuntime().availableProcessors(),
                Math.clamp(together.seconds() / alone.seconds() - 1, 0, HostSharing.MOST_CONTENTION),
                Math.clamp(together.variation(), 0, HostSharing.MOST_VARIATION));
    }

    private void await(CyclicBarrier start, DeviceProbe device) {
        try {
            start.await();
        } catch (InterruptedException | BrokenBarrierException e) {
            throw new IllegalStateException(e);
        }
        steps(device, together);
    }

    private static void steps(DeviceProbe device, SegmentTimes times) {
        for (int i = 0; i < CONTENTION_STEPS; i++) {
            times.add(device.step(CONTENTION_ROWS, CONTENTION_CONTEXT));
        }
    }

    @Override
    public void close() {
        probe.close();
        second.close();
    }
}
