package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.Operation;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Capacity;
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

    /** What two ranks at once have taken, and a step of one of them by batch. */
    private record Pair(SegmentTimes alone, SegmentTimes together, Map<DeviceProbe.Batch, double[]> half) {}

    /** A probe with TornadoVM's profiler, and what is gathered of it. */
    private record Profiled(Map<Operation, List<RateFit.Sample>> samples, List<HostFit.Sample> host, double perByte) {}

    /**
     * Measures. Every probe has a method of its own, after which nothing refers to it, so that what it held can be
     * freed before the next one is made.
     *
     * @param single all of the model
     * @param pair two ranks that do the same at once
     * @param room checks the memory; its sizes are those of the steps
     */
    static GpuMeasurements of(
            Device device, ModelWeights weights, RankPlan single, List<RankPlan> pair, ProbeRoom room)
            throws InterruptedException {
        double perByte = HostHop.secondsPerByte(device);
        Maker maker = (rank, profiled) -> new DeviceProbe(device, weights, rank, room.sizes(), profiled);
        room.require(held(room, List.of(single)));
        Map<DeviceProbe.Batch, double[]> whole = whole(maker, single);
        room.require(held(room, pair));
        Pair both = pair(maker, pair);
        Profiled profiled = new Profiled(new EnumMap<>(Operation.class), new ArrayList<>(), perByte);
        room.require(held(room, List.of(single)));
        Calibration.StepSplit split = split(maker, single, whole, profiled);
        room.require(held(room, List.of(pair.getFirst())));
        double kernels = smallest(maker, pair.getFirst(), both.half(), profiled);
        // What two small steps at once take longer is launching; their kernels are subtracted.
        double launching = Math.max(1e-9, both.alone().medianSeconds() - kernels);
        double contention = Math.clamp(
                (both.together().medianSeconds() - kernels) / launching - 1, 0, HostSharing.MOST_CONTENTION);
        room.require(List.of());
        return new GpuMeasurements(profiled.samples(), HostFit.of(profiled.host()), contention, perByte,
                DevicePeak.measure(device), split);
    }

    /** What probes of ranks hold. */
    static List<ProbeRoom.Held> held(ProbeRoom room, List<RankPlan> ranks) {
        Capacity capacity = room.sizes().capacity();
        return ranks.stream().map(rank -> new ProbeRoom.Held(rank.shard(), capacity)).toList();
    }

    /** Makes the probe of a rank. */
    @FunctionalInterface
    private interface Maker {
        DeviceProbe make(RankPlan rank, boolean profiled);
    }

    private static Map<DeviceProbe.Batch, double[]> whole(Maker maker, RankPlan single) {
        try (DeviceProbe probe = maker.make(single, false)) {
            return measured(probe).segmentSeconds();
        }
    }

    private static Pair pair(Maker maker, List<RankPlan> ranks) throws InterruptedException {
        SegmentTimes alone = new SegmentTimes();
        SegmentTimes together = new SegmentTimes();
        try (DeviceProbe first = maker.make(ranks.getFirst(), false);
                DeviceProbe second = maker.make(ranks.getLast(), false)) {
            Map<DeviceProbe.Batch, double[]> half = measured(first).segmentSeconds();
            second.warmUp();
            // Alone before and after, since the host gets faster with every step.
            smallSteps(first, alone);
            Communicator communicator = new InProcessCommunicator(2);
            Calibrator.atOnce(communicator, () -> smallSteps(first, together), () -> smallSteps(second, together));
            smallSteps(first, alone);
            return new Pair(alone, together, half);
        }
    }

    private static Calibration.StepSplit split(
            Maker maker, RankPlan single, Map<DeviceProbe.Batch, double[]> whole, Profiled profiled) {
        try (DeviceProbe probe = maker.make(single, true)) {
            measured(probe).addSamples(profiled.samples());
            profiled.host().addAll(probe.hostSamples(whole, profiled.perByte()));
            return probe.split(whole, profiled.perByte());
        }
    }

    private static double smallest(
            Maker maker, RankPlan rank, Map<DeviceProbe.Batch, double[]> half, Profiled profiled) {
        try (DeviceProbe probe = maker.make(rank, true)) {
            measured(probe).addSamples(profiled.samples());
            profiled.host().addAll(probe.hostSamples(half, profiled.perByte()));
            return probe.smallestSeconds();
        }
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
