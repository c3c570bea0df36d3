package io.maseparation.parallel.execute;

import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.execute.migrate.ChangeLog;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.execute.rank.Recorder;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankMemory;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Role;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.LeastWork;
import io.maseparation.parallel.run.Metrics;
import io.maseparation.parallel.run.Percentiles;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** Turns what the ranks recorded into a result. */
final class ResultBuilder {
    private final Deployment deployment;
    private final Plan plan;
    private final Workload workload;
    private final Format kvFormat;
    private final Recorder recorder;
    private final Collector sequences;

    /** @param deployment what the run ended on */
    ResultBuilder(
            Deployment deployment,
            Job job,
            Recorder recorder,
            Collector sequences) {
        this.deployment = deployment;
        this.plan = deployment.plan();
        this.workload = job.workload();
        this.kvFormat = deployment.memory(0).capacity().kvFormat();
        this.recorder = recorder;
        this.sequences = sequences;
    }

    /** @param setupNanos time it took to lay out buffers and build graphs */
    RunResult build(
            long setupNanos, long start, long decodeStart, long end, int decodeSteps, ChangeLog changes) {
        // Without decode steps there is nothing to say of one: all that is divided by these is not a number.
        double steps = decodeSteps == 0 ? Double.NaN : decodeSteps;
        double decodeNanos = decodeSteps == 0 ? Double.NaN : Math.max(1, end - decodeStart);
        List<RunResult.RankReport> ranks = new ArrayList<>();
        List<TimelineEvent> timeline = new ArrayList<>();
        long leftOut = 0;
        for (RankPlan rank : plan.ranks()) {
            Recorder.RankLog log = recorder.rank(rank.rank());
            ranks.add(new RunResult.RankReport(
                    rank.rank(),
                    rank.role(),
                    log.device(),
                    deployment.memory(rank.rank()),
                    log.bytesSent(),
                    log.times(decodeNanos),
                    log.perStep(steps)));
            timeline.addAll(log.events());
            leftOut += log.leftOut();
        }
        timeline.addAll(changes.events());
        return new RunResult(
                plan.layout().strategy().id(),
                plan.layout().name(),
                deployment.devices().getFirst().backend(),
                ranks,
                outputs(),
                metrics(ranks, setupNanos, start, decodeNanos, decodeSteps),
                new RunResult.Timeline(timeline, leftOut),
                changes.all());
    }

    private List<RunResult.SequenceOutput> outputs() {
        List<RunResult.SequenceOutput> outputs = new ArrayList<>();
        for (int i = 0; i < workload.prompts().size(); i++) {
            List<Integer> tokens = sequences.tokens(i);
            outputs.add(new RunResult.SequenceOutput(
                    Arrays.stream(workload.prompts().get(i)).boxed().toList(),
                    tokens.subList(0, kept(tokens)),
                    sequences.promptLogits(i)));
        }
        return outputs;
    }

    private int kept(List<Integer> tokens) {
        return workload.kept(plan.config(), tokens, tokens.size());
    }

    private Metrics metrics(
            List<RunResult.RankReport> ranks, long setupNanos, long start, double decodeNanos, int decodeSteps) {
        DoubleStream.Builder gaps = DoubleStream.builder();
        DoubleStream.Builder firsts = DoubleStream.builder();
        long last = start;
        for (int i = 0; i < workload.prompts().size(); i++) {
            List<Long> times = sequences.times(i);
            if (times.isEmpty()) {
                // It was cancelled before its first token.
                continue;
            }
            int kept = kept(sequences.tokens(i));
            firsts.add((times.getFirst() - start) / 1e6);
            for (int t = 1; t < kept; t++) {
                gaps.add((times.get(t) - times.get(t - 1)) / 1e6);
            }
            last = Math.max(last, times.getLast());
        }
        double[] gapsMs = gaps.build().toArray();
        LeastWork work = leastWork(decodeSteps);
        double stepSeconds = decodeNanos / 1e9 / decodeSteps;
        return new Metrics(
                new Metrics.Latency(
                        Arrays.stream(gapsMs).average().orElse(Double.NaN),
                        Percentiles.of(gapsMs, 50),
                        Percentiles.of(gapsMs, 90),
                        Percentiles.of(gapsMs, 99),
                        firsts.build().average().orElse(Double.NaN)),
                gapsMs.length > 0 ? gapsMs.length / (decodeNanos / 1e9) : Double.NaN,
                (last - start) / 1e6,
                setupNanos / 1e6,
                new Metrics.Work(work.bytes(), work.flops(), work.bytes() / stepSeconds, work.flops() / stepSeconds),
                new Metrics.Utilisation(
                        meanBusy(ranks, Role.ATTENTION),
                        meanBusy(ranks, Role.EXPERT),
                        memoryEfficiency(ranks),
                        plan.placement().isEmpty() ? 1 : recorder.imbalance()));
    }

    private static double meanBusy(List<RunResult.RankReport> ranks, Role role) {
        return ranks.stream()
                .filter(r -> r.role() == role || r.role() == Role.BOTH)
                .mapToDouble(r -> r.times().busy())
                .average()
                .orElse(Double.NaN);
    }

    private LeastWork leastWork(int decodeSteps) {
        if (decodeSteps == 0) {
            return new LeastWork(Double.NaN, Double.NaN);
        }
        ModelConfig config = plan.config();
        int n = workload.prompts().size();
        int[] lengths = new int[n];
        int[] steps = new int[n];
        for (int i = 0; i < n; i++) {
            lengths[i] = workload.depth() + workload.prompts().get(i).length;
            // A sequence that has ended takes no part in the steps after that.
            steps[i] = Math.max(0, sequences.tokens(i).size() - 1);
        }
        List<LeastWork.Layer> layers = new ArrayList<>();
        for (int l = 0; l < config.layers().size(); l++) {
            layers.add(new LeastWork.Layer(
                    LeastWork.positions(lengths, steps, config.layers().get(l).slidingWindow()) / decodeSteps,
                    recorder.distinctExperts(l) / (double) decodeSteps));
        }
        double rows = Arrays.stream(steps).sum() / (double) decodeSteps;
        return LeastWork.of(config, rows, true, kvFormat, layers, format -> 1);
    }

    private double memoryEfficiency(List<RunResult.RankReport> ranks) {
        int[] positions = IntStream.range(0, workload.prompts().size()).map(workload::positions).toArray();
        return RankMemory.efficiency(
                plan, ranks.stream().map(RunResult.RankReport::memory).toList(), positions, kvFormat);
    }
}
