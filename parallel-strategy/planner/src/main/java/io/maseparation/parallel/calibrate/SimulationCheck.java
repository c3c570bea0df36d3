package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.Generation;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.compare.RandomPrompts;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Percentiles;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.simulate.Conditions;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.SimulationResult;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Runs layouts and simulates them on the profile of the machine they ran on. */
public final class SimulationCheck {
    /** Default number of sequences of a run. */
    public static final int DEFAULT_BATCH = 6;

    /** Tokens of a prompt. */
    public static final int PROMPT = 16;

    private static final int WARM_UP_TOKENS = 8;

    private SimulationCheck() {}

    /**
     * Times of one layout.
     *
     * @param setup layout and batching
     * @param measuredMs median over runs of the mean time of a decode step, which is the batch divided by TPS
     * @param medianMs median time between tokens in that run; micro-batches that wait for others' prompts make it
     *     longer than a step where there are few tokens
     * @param leastMs least over runs of the mean time of a decode step
     * @param mostMs largest over runs of the mean time of a decode step
     * @param simulatedMs simulated TPOT
     * @param ratesMs simulated TPOT by rates of operations alone, without times by shape
     * @param segments mean time of each kind of segment
     */
    public record Entry(
            Setup setup,
            double measuredMs,
            double medianMs,
            double leastMs,
            double mostMs,
            double simulatedMs,
            double ratesMs,
            List<SegmentTime> segments) {
        /** {@return simulated ÷ measured − 1} */
        public double error() {
            return simulatedMs / measuredMs - 1;
        }
    }

    /**
     * Times of one kind of segment, over all layers, ranks and micro-batches.
     *
     * @param name name without the layer
     * @param measuredMs mean time measured
     * @param simulatedMs mean time simulated
     */
    public record SegmentTime(String name, double measuredMs, double simulatedMs) {}

    /**
     * The result of a check.
     *
     * @param calibration the profile
     * @param entries one per layout
     */
    public record Result(Calibration calibration, List<Entry> entries) {}

    /** {@return the layouts that are checked if the model allows them} */
    public static List<Setup> layouts() {
        return List.of(
                Layout.single().withMicroBatches(1),
                Layout.tensorPipeline(2, 1).withMicroBatches(1),
                Layout.tensorPipeline(1, 2).withMicroBatches(2),
                Layout.expertParallel(2).withMicroBatches(1),
                Layout.separated(1, 1).withMicroBatches(2),
                Layout.separated(2, 1).withMicroBatches(2));
    }

    /**
     * Settings of a check.
     *
     * @param layouts layouts, which take turns
     * @param rounds runs of each layout
     * @param tokens tokens of each run
     * @param batch sequences
     * @param depth positions before each prompt
     */
    public record Settings(List<Setup> layouts, int rounds, int tokens, int batch, int depth) {
        /** Positions of a sequence in the middle of a run. */
        int context() {
            return depth + PROMPT + tokens / 2;
        }
    }

    /**
     * Runs and simulates all layouts.
     *
     * @param model model
     * @param calibrator measures the machine before each round and after the last one
     * @param execution how layouts are run
     * @param settings which layouts, how often, and on how much
     * @param doing progress callback, given the name of each part of the work as it begins
     * @return the profile and the times
     */
    public static Result run(
            Model model, Calibrator calibrator, ExecutionOptions execution, Settings settings, Consumer<String> doing) {
        List<Setup> layouts = settings.layouts();
        int batch = settings.batch();
        List<int[]> prompts = RandomPrompts.of(batch, PROMPT, model.config().vocab(), 0);
        Map<Setup, List<RunResult>> runs = new LinkedHashMap<>();
        // Round −1 lets the JVM compile. If it only drives devices, all layouts use the same code, and one layout is
        // enough: the last one, which does everything that any of them does.
        boolean embedded = execution.devices().getFirst().target().embedded();
        for (int round = -1; round < settings.rounds(); round++) {
            if (round >= 0) {
                doing.accept("operations");
                calibrator.measure();
            }
            for (int i = 0; i < layouts.size(); i++) {
                Setup setup = layouts.get(round % 2 == 0 ? i : layouts.size() - 1 - i);
                if (round < 0 && !embedded && i > 0) {
                    continue;
                }
                doing.accept(setup.layout().name());
                RunResult result = Generation.of(model)
                        .layout(setup)
                        .execution(execution)
                        .prompts(prompts)
                        .ignoringEos()
                        // Compilation does not depend on the context.
                        .depth(round < 0 ? 0 : settings.depth())
                        .prefillChunk(chunk(model.config(), setup, batch))
                        .maxTokens(round < 0 && embedded ? WARM_UP_TOKENS : settings.tokens())
                        .run();
                if (round >= 0) {
                    runs.computeIfAbsent(setup, s -> new ArrayList<>()).add(result);
                }
            }
        }
        doing.accept("simulations");
        Calibration calibration = calibrator.result();
        List<Entry> entries = new ArrayList<>();
        runs.forEach((setup, results) -> entries.add(entry(
                simulation(model.config(), calibration.cluster(), setup, execution.kvType(), settings), results)));
        return new Result(calibration, entries);
    }

    /**
     * The largest number of prompt tokens per step that needs no larger buffers than decode steps. Whole buffers go
     * between host and device, so larger ones would slow decoding down, and the simulator does not know about prompts.
     */
    private static int chunk(ModelConfig config, Setup setup, int batch) {
        int groups = Planning.plan(config, setup).groups();
        return Math.max(1, batch / (groups * setup.batching().microBatches()));
    }

    private static Simulation simulation(
            ModelConfig config, Cluster cluster, Setup setup, DataType kvType, Settings settings) {
        return new Simulation(
                Planning.plan(config, setup),
                cluster,
                Scenario.decode(settings.batch(), settings.context())
                        .with(Conditions.USUAL.withFormats(kvType, Float.BYTES)));
    }

    private static Entry entry(Simulation simulation, List<RunResult> runs) {
        int batch = simulation.scenario().batch();
        DoubleSummaryStatistics steps =
                runs.stream().mapToDouble(r -> stepMs(r, batch)).summaryStatistics();
        RunResult median = Percentiles.medianRun(runs, r -> stepMs(r, batch));
        SimulationResult simulated = simulation.run(true);
        return new Entry(
                simulation.plan().setup(),
                stepMs(median, batch),
                median.metrics().latency().tpotP50Ms(),
                steps.getMin(),
                steps.getMax(),
                simulated.tpotMs(),
                new Simulation(simulation.plan(), simulation.cluster().withKinds(DeviceKind::withoutShapes),
                        simulation.scenario()).tpotMs(),
                segments(median.timeline().events(), simulated.timeline()));
    }

    /**
     * Mean time of a decode step: unlike the time between tokens without the wait of a sequence with an early prompt
     * for the other prompts.
     */
    private static double stepMs(RunResult run, int batch) {
        return batch / run.metrics().tps() * 1e3;
    }

    private static List<SegmentTime> segments(List<TimelineEvent> measured, List<TimelineEvent> simulated) {
        Map<String, Double> here = means(measured);
        Map<String, Double> there = means(simulated);
        List<SegmentTime> both = new ArrayList<>();
        here.forEach((name, ms) -> Optional.ofNullable(there.get(name))
                .ifPresent(other -> both.add(new SegmentTime(name, ms, other))));
        return both;
    }

    private static Map<String, Double> means(List<TimelineEvent> events) {
        return events.stream()
                .filter(e -> e.stream() == TimelineEvent.Stream.COMPUTE && !e.prefill())
                .collect(Collectors.groupingBy(
                        e -> e.name().replaceAll("\\d+$", ""),
                        TreeMap::new,
                        Collectors.averagingDouble(e -> (e.endNanos() - e.startNanos()) / 1e6)));
    }
}
