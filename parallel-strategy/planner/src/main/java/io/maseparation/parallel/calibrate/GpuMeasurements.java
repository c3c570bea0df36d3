package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.Operation;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.DevicePeak;
import io.maseparation.moe.segments.HostHop;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.InProcessCommunicator;
import io.maseparation.parallel.layout.RankPlan;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Measurements of a device with memory of its own. Ranks are measured one after the other, since the device may not
 * hold several at once; first without TornadoVM's profiler, which cannot be switched off again.
 *
 * @param samples samples of every operation, on the device alone
 * @param host what the host adds
 * @param contention how much longer a launch takes while another rank launches
 * @param hostSecondsPerByte time of a byte between host and device
 * @param peak peak rates of the device
 * @param split where the time of a step of the largest batch and context goes
 */
record GpuMeasurements(
        Map<Operation, List<RateFit.Sample>> samples,
        HostFit host,
        double contention,
        double hostSecondsPerByte,
        DevicePeak peak,
        Calibration.StepSplit split) {
    private static final int ROUNDS = 3;
    private static final int PAIR_STEPS = 40;

    /**
     * Measures.
     *
     * @param single all of the model
     * @param pair two ranks that do the same at once
     * @param sizes sizes of the steps
     */
    static GpuMeasurements of(
            Device device, ModelWeights weights, RankPlan single, List<RankPlan> pair, DeviceProbe.Sizes sizes)
            throws InterruptedException {
        double perByte = HostHop.secondsPerByte(device);
        Map<DeviceProbe.Batch, double[]> whole;
        try (DeviceProbe probe = new DeviceProbe(device, weights, single, sizes, false)) {
            whole = measured(probe).segmentSeconds();
        }
        SegmentTimes alone = new SegmentTimes();
        SegmentTimes together = new SegmentTimes();
        Map<DeviceProbe.Batch, double[]> half;
        try (DeviceProbe first = new DeviceProbe(device, weights, pair.getFirst(), sizes, false);
                DeviceProbe second = new DeviceProbe(device, weights, pair.getLast(), sizes, false)) {
            half = measured(first).segmentSeconds();
            second.warmUp();
            // Alone before and after, since the host gets faster with every step.
            smallSteps(first, alone);
            Communicator communicator = new InProcessCommunicator(2);
            Calibrator.atOnce(communicator, () -> smallSteps(first, together), () -> smallSteps(second, together));
            smallSteps(first, alone);
        }
        Map<Operation, List<RateFit.Sample>> samples = new EnumMap<>(Operation.class);
        List<HostFit.Sample> host = new ArrayList<>();
        double kernels;
        Calibration.StepSplit split;
        try (DeviceProbe probe = new DeviceProbe(device, weights, single, sizes, true)) {
            measured(probe).addSamples(samples);
            host.addAll(probe.hostSamples(whole, perByte));
            split = probe.split(whole, perByte);
        }
        try (DeviceProbe probe = new DeviceProbe(device, weights, pair.getFirst(), sizes, true)) {
            measured(probe).addSamples(samples);
            host.addAll(probe.hostSamples(half, perByte));
            kernels = probe.smallestSeconds();
        }
        // What two small steps at once take longer is launching; their kernels are subtracted.
        double launching = Math.max(1e-9, alone.medianSeconds() - kernels);
        double contention = Math.clamp(
                (together.medianSeconds() - kernels) / launching - 1, 0, HostSharing.MOST_CONTENTION);
        return new GpuMeasurements(
                samples, HostFit.of(host), contention, perByte, DevicePeak.measure(device), split);
    }

    private static DeviceProbe measured(DeviceProbe probe) {
        probe.warmUp();
        for (int i = 0; i < ROUNDS; i++) {
            probe.measure();
        }
        return probe;
    }

    private static void smallSteps(DeviceProbe probe, SegmentTimes times) {
        for (int i = 0; i < PAIR_STEPS; i++) {
            times.add(probe.smallestStep());
        }
    }
}
