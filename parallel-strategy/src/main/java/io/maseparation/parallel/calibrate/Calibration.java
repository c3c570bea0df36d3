package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.Operation;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.ModelException;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.report.HostPeak;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.IntStream;

/**
 * A cost profile of this machine's embedded devices, measured with one model's shapes.
 *
 * @param cluster as many devices as asked for, all of them threads of this host
 * @param fits how well each operation's rate fits its measurements
 */
public record Calibration(Cluster cluster, Map<Operation, Fit> fits) {

    /**
     * One operation.
     *
     * @param rate its rate
     * @param medianError median of |fitted ÷ measured − 1|
     * @param samples executions measured, each the median of several
     */
    public record Fit(OperationRate rate, double medianError, int samples) {}

    /**
     * Measures.
     *
     * @param device an embedded device
     * @param devices number of devices of the profile
     * @param doing told what is being measured
     * @throws ModelException if the device is not an embedded one, or the model's experts lie apart
     */
    public static Calibration measure(
            Device device, ModelWeights weights, int devices, java.util.function.Consumer<String> doing) {
        if (!device.target().embedded()) {
            throw new ModelException(
                    "calibrate measures embedded devices; %s is one of TornadoVM's %s backend"
                            .formatted(device.name(), device.backend()));
        }
        doing.accept("peaks");
        HostPeak peak = HostPeak.measure();
        doing.accept("transfers");
        Link link;
        Map<Operation, Fit> fits = new EnumMap<>(Operation.class);
        Map<Operation, OperationRate> rates = new EnumMap<>(Operation.class);
        double nothing;
        double contention;
        try (DeviceProbe probe = new DeviceProbe(device, weights);
                DeviceProbe second = new DeviceProbe(device, weights)) {
            link = TransferProbe.measure();
            doing.accept("warm-up");
            probe.warmUp();
            second.warmUp();
            doing.accept("operations");
            probe.samples().forEach((operation, samples) -> {
                RateFit fit = RateFit.of(samples);
                rates.put(operation, fit.rate());
                fits.put(operation, new Fit(fit.rate(), fit.medianError(), fit.samples()));
            });
            nothing = probe.nothingSeconds();
            doing.accept("contention");
            contention = contention(probe, second);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ModelException("interrupted", e);
        }
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
        return new Calibration(
                new Cluster(
                        "this-machine",
                        "embedded devices, threads of one host",
                        List.of(kind),
                        IntStream.range(0, devices)
                                .mapToObj(i -> new Cluster.Device(0, 0))
                                .toList(),
                        link,
                        link,
                        Double.POSITIVE_INFINITY,
                        Runtime.getRuntime().availableProcessors(),
                        contention,
                        List.of(),
                        List.of()),
                fits);
    }

    /** How much longer steps take when two ranks compute at once: 0 not at all, 1 twice as long. */
    private static double contention(DeviceProbe one, DeviceProbe other) throws InterruptedException {
        int steps = 30;
        double alone = Math.min(seconds(one, steps), seconds(other, steps));
        double[] both = new double[2];
        CyclicBarrier start = new CyclicBarrier(2);
        Thread thread = Thread.ofPlatform().start(() -> both[1] = together(other, steps, start));
        both[0] = together(one, steps, start);
        thread.join();
        return Math.clamp((both[0] + both[1]) / 2 / alone - 1, 0, 1);
    }

    private static double together(DeviceProbe probe, int steps, CyclicBarrier start) {
        try {
            start.await();
        } catch (InterruptedException | java.util.concurrent.BrokenBarrierException e) {
            throw new IllegalStateException(e);
        }
        return seconds(probe, steps);
    }

    private static double seconds(DeviceProbe probe, int steps) {
        long begin = System.nanoTime();
        for (int i = 0; i < steps; i++) {
            probe.step(3, 32);
        }
        return (System.nanoTime() - begin) / 1e9;
    }
}
