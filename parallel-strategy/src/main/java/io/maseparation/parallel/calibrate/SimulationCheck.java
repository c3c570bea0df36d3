package io.maseparation.parallel.calibrate;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.Generation;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.execute.ExecutionOptions;
import io.maseparation.parallel.execute.RunResult;
import io.maseparation.parallel.plan.Planning;
import io.maseparation.parallel.plan.StrategyOptions;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SimulationResult;
import io.maseparation.parallel.simulate.Simulator;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Runs layouts and simulates them on the profile of the machine they ran on. */
public final class SimulationCheck {
    /** Sequences of a run where nothing else is asked for. */
    public static final int DEFAULT_BATCH = 6;

    /** Tokens of a prompt. */
    public static final int PROMPT = 16;

    private static final int WARM_UP_TOKENS = 8;

    private SimulationCheck() {}

    /**
     * One layout.
     *
     * @param options layout
     * @param measuredMs median TPOT of the runs
     * @param leastMs least TPOT of the runs
     * @param mostMs most
     * @param simulatedMs simulated TPOT
     * @param segments mean time of each kind of segment
     */
    public record Entry(
            StrategyOptions options,
            double measuredMs,
            double leastMs,
            double mostMs,
            double simulatedMs,
            List<SegmentTime> segments) {
        /** simulated ÷ measured − 1. */
        public double error() {
            return simulatedMs / measuredMs - 1;
        }
    }

    /**
     * Segments of all layers, ranks and micro-batches.
     *
     * @param name name without the layer
     * @param measuredMs mean time
     * @param simulatedMs mean time
     */
    public record SegmentTime(String name, double measuredMs, double simulatedMs) {}

    /** The layouts that are checked, where the model allows them. */
    public static List<StrategyOptions> layouts() {
        return List.of(
                StrategyOptions.single(),
                StrategyOptions.tensorPipeline(2, 1),
                StrategyOptions.tensorPipeline(1, 2).withMicroBatches(2),
                StrategyOptions.expertParallel(2),
                StrategyOptions.maSeparation(1, 1).withMicroBatches(2),
                StrategyOptions.maSeparation(2, 1).withMicroBatches(2));
    }

    /**
     * Runs and simulates.
     *
     * @param calibrator measures the machine before each round
     * @param rounds runs of each layout; all layouts take turns
     * @param tokens tokens of each run
     * @param batch sequences
     * @param depth positions before each prompt
     */
    public static List<Entry> run(
            Model model,
            Calibrator calibrator,
            ExecutionOptions execution,
            List<StrategyOptions> layouts,
            int rounds,
            int tokens,
            int batch,
            int depth,
            Consumer<String> doing) {
        int[][] prompts = new int[batch][PROMPT];
        for (int i = 0; i < batch; i++) {
            for (int j = 0; j < PROMPT; j++) {
                prompts[i][j] = (i * 131 + j * 17) % model.config().vocab();
            }
        }
        List<List<RunResult>> runs = new ArrayList<>();
        for (int i = 0; i < layouts.size(); i++) {
            runs.add(new ArrayList<>());
        }
        for (int round = -1; round < rounds; round++) {
            if (round >= 0) {
                doing.accept("operations");
                calibrator.measure();
            }
            for (int i = 0; i < layouts.size(); i++) {
                StrategyOptions options = layouts.get(round % 2 == 0 ? i : layouts.size() - 1 - i);
                doing.accept(options.strategy().id() + " " + options.layout());
                Generation generation = Generation.of(model).strategy(options).execution(execution);
                for (int[] prompt : prompts) {
                    generation = generation.prompt(prompt);
                }
                RunResult result = generation
                        .ignoringEos()
                        .depth(depth)
                        .maxTokens(round < 0 ? WARM_UP_TOKENS : tokens)
                        .run();
                if (round >= 0) {
                    runs.get(layouts.indexOf(options)).add(result);
                }
            }
        }
        doing.accept("simulations");
        Cluster cluster = calibrator.result().cluster();
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < layouts.size(); i++) {
            entries.add(entry(model.config(), cluster, execution, layouts.get(i), runs.get(i), batch,
                    depth + PROMPT + tokens / 2));
        }
        return entries;
    }

    private static Entry entry(
            ModelConfig config,
            Cluster cluster,
            ExecutionOptions execution,
            StrategyOptions options,
            List<RunResult> runs,
            int batch,
            int context) {
        List<RunResult> sorted = runs.stream()
                .sorted(Comparator.comparingDouble(r -> r.metrics().tpotMs()))
                .toList();
        RunResult median = sorted.get(sorted.size() / 2);
        Scenario scenario = Scenario.decode(batch, context).withFormats(execution.kvType(), 4);
        SimulationResult simulated = Simulator.run(Planning.plan(config, options), cluster, scenario, true);
        return new Entry(
                options,
                median.metrics().tpotMs(),
                sorted.getFirst().metrics().tpotMs(),
                sorted.getLast().metrics().tpotMs(),
                simulated.tpotMs(),
                segments(median.timeline(), simulated.timeline()));
    }

    private static List<SegmentTime> segments(List<TimelineEvent> measured, List<TimelineEvent> simulated) {
        Map<String, Double> here = means(measured);
        Map<String, Double> there = means(simulated);
        return here.entrySet().stream()
                .filter(e -> there.containsKey(e.getKey()))
                .map(e -> new SegmentTime(e.getKey(), e.getValue(), there.get(e.getKey())))
                .toList();
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
