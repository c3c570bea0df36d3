package io.maseparation.parallel.execute;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.execute.rank.Recorder;
import io.maseparation.parallel.execute.rank.Sequences;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Role;
import io.maseparation.parallel.run.Metrics;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.HdrHistogram.Histogram;

/** Turns what the ranks recorded into a result. */
final class ResultBuilder {
    private final Deployment deployment;
    private final Plan plan;
    private final ModelWeights weights;
    private final Workload workload;
    private final List<Capacity> capacities;
    private final List<Device> devices;
    private final Recorder recorder;
    private final Sequences sequences;

    /** @param deployment what the run ended on */
    ResultBuilder(
            Deployment deployment,
            ModelWeights weights,
            Workload workload,
            Recorder recorder,
            Sequences sequences) {
        this.deployment = deployment;
        this.plan = deployment.plan();
        this.weights = weights;
        this.workload = workload;
        this.capacities = deployment.capacities();
        this.devices = deployment.devices();
        this.recorder = recorder;
        this.sequences = sequences;
    }

    /** @param setupNanos time it took to lay out buffers and build graphs */
    RunResult build(
            long setupNanos, long start, long decodeStart, long end, int decodeSteps, ChangeLog changes) {
        double decodeNanos = Math.max(1, end - decodeStart);
        List<RunResult.RankReport> ranks = new ArrayList<>();
        List<TimelineEvent> timeline = new ArrayList<>();
        long leftOut = 0;
        for (RankPlan rank : plan.ranks()) {
            Recorder.RankLog log = recorder.rank(rank.rank());
            Capacity capacity = capacities.get(rank.rank());
            ranks.add(new RunResult.RankReport(
                    rank.rank(),
                    rank.role().id(),
                    devices.get(rank.rank()).name(),
                    rank.shard().weightBytes(plan.config()),
                    capacity.kvBytes(plan.config(), rank.shard()),
                    capacity.activationBytes(plan.config(), rank.shard()),
                    log.bytesSent(),
                    (log.prefillBusy() + log.decodeBusy()) / 1e6,
                    decodeSteps == 0 ? Double.NaN : log.decodeBusy() / decodeNanos,
                    perStep((double) log.decodeTasks(), decodeSteps),
                    devices.get(rank.rank()).target().embedded()
                            ? 0
                            : perStep((double) log.decodeTransferBytes(), decodeSteps),
                    perStep(log.decodeMessageNanos() / 1e6, decodeSteps),
                    deployment.rankDevice(rank.rank()).firstRunNanos() / 1e6));
            timeline.addAll(log.events());
            leftOut += log.leftOut();
        }
        timeline.addAll(changes.events());
        return new RunResult(
                plan.layout().strategy().id(),
                plan.layout().name(),
                devices.getFirst().backend(),
                ranks,
                outputs(),
                metrics(ranks, setupNanos, start, decodeNanos, decodeSteps),
                timeline,
                leftOut,
                changes.all());
    }

    private static double perStep(double sum, int decodeSteps) {
        return decodeSteps == 0 ? Double.NaN : sum / decodeSteps;
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

    /** Number of tokens up to and including the first that ends the sequence. */
    private int kept(List<Integer> tokens) {
        if (!workload.ignoreEos()) {
            for (int i = 0; i < tokens.size(); i++) {
                if (plan.config().eosTokens().contains(tokens.get(i))) {
                    return i + 1;
                }
            }
        }
        return tokens.size();
    }

    private Metrics metrics(
            List<RunResult.RankReport> ranks, long setupNanos, long start, double decodeNanos, int decodeSteps) {
        Histogram gaps = new Histogram(3);
        double firsts = 0;
        double gapSum = 0;
        long gapCount = 0;
        long last = start;
        for (int i = 0; i < workload.prompts().size(); i++) {
            List<Long> times = sequences.times(i);
            int kept = kept(sequences.tokens(i));
            firsts += times.getFirst() - start;
            for (int t = 1; t < kept; t++) {
                long gap = times.get(t) - times.get(t - 1);
                gaps.recordValue(Math.max(1, gap));
                gapSum += gap;
                gapCount++;
            }
            last = Math.max(last, times.getLast());
        }
        boolean any = gapCount > 0;
        StepWork work = StepWork.of(
                weights, workload, capacities.getFirst().kvType(), recorder, sequences, decodeSteps);
        double stepSeconds = decodeSteps == 0 ? Double.NaN : decodeNanos / 1e9 / decodeSteps;
        return new Metrics(
                any ? gapSum / gapCount / 1e6 : Double.NaN,
                any ? gaps.getValueAtPercentile(50) / 1e6 : Double.NaN,
                any ? gaps.getValueAtPercentile(90) / 1e6 : Double.NaN,
                any ? gaps.getValueAtPercentile(99) / 1e6 : Double.NaN,
                any ? gapCount / (decodeNanos / 1e9) : Double.NaN,
                firsts / workload.prompts().size() / 1e6,
                (last - start) / 1e6,
                meanBusy(ranks, Role.ATTENTION),
                meanBusy(ranks, Role.EXPERT),
                work.bytes(),
                work.flops(),
                work.bytes() / stepSeconds,
                work.flops() / stepSeconds,
                memoryEfficiency(ranks),
                plan.placement().isEmpty() ? 1 : recorder.imbalance(),
                setupNanos / 1e6);
    }

    private static double meanBusy(List<RunResult.RankReport> ranks, Role role) {
        return ranks.stream()
                .filter(r -> r.role().equals(role.id()) || r.role().equals(Role.BOTH.id()))
                .mapToDouble(RunResult.RankReport::busy)
                .average()
                .orElse(Double.NaN);
    }

    private double memoryEfficiency(List<RunResult.RankReport> ranks) {
        ModelConfig config = plan.config();
        long unique = weights.bytes();
        long live = 0;
        for (int i = 0; i < workload.prompts().size(); i++) {
            live += 2L * config.layers().size() * config.kvWidth() * workload.positions(i)
                    * capacities.getFirst().kvType().bytes();
        }
        long allocated =
                ranks.stream().mapToLong(r -> r.weightBytes() + r.kvBytes()).sum();
        return (double) (unique + live) / allocated;
    }
}
