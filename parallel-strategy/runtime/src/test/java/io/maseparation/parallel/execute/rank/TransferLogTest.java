package io.maseparation.parallel.execute.rank;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.parallel.execute.PlanExecutor;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import io.maseparation.parallel.timeline.TimelineEvent;
import io.maseparation.parallel.timeline.TimelineEvent.Stream;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TransferLogTest {
    private static final ModelWeights TINY = RandomWeights.create(Presets.config("tiny"), 1);

    private static RunResult run(Setup setup, boolean transfers) {
        Workload workload = Workload.greedy(List.of(new int[] {1, 2, 3}, new int[] {4}, new int[] {5, 6}), 4);
        ExecutionOptions execution = ExecutionOptions.defaults().withTransfers(transfers);
        try (PlanExecutor executor =
                new PlanExecutor(Planning.plan(TINY.config(), setup), new Job(TINY, workload, execution))) {
            return executor.run();
        }
    }

    private static Set<String> transfers(RunResult result, int rank) {
        return result.timeline().events().stream()
                .filter(e -> e.rank() == rank && e.stream() == Stream.TRANSFER && !e.waits())
                .map(TimelineEvent::name)
                .collect(Collectors.toSet());
    }

    @Test
    void maRanksSendAndReceiveInEveryLayer() {
        RunResult result = run(Layout.separated(2, 1).withMicroBatches(2), true);

        int layers = TINY.config().layers().size();
        for (int layer = 0; layer < layers; layer++) {
            assertThat(transfers(result, 0)).contains("send dispatch " + layer, "receive combine " + layer);
            assertThat(transfers(result, 2)).contains("receive dispatch " + layer, "unpack rows " + layer,
                    "pack answers " + layer, "send combine " + layer);
        }
        assertThat(result.timeline().leftOut()).isZero();
        assertThat(result.timeline().events()).anyMatch(TimelineEvent::waits).allSatisfy(e -> {
            assertThat(e.endNanos()).isGreaterThanOrEqualTo(e.startNanos());
            assertThat(e.waits() ? e.stream() : Stream.TRANSFER).isEqualTo(Stream.TRANSFER);
        });
        assertThat(result.timeline().events().stream().map(TimelineEvent::step).distinct().sorted().toList())
                .containsExactly(0, 1, 2, 3);
    }

    @Test
    void collectivesAreRecordedByTheirName() {
        assertThat(transfers(run(Layout.tensorPipeline(2, 1).withMicroBatches(1), true), 1))
                .anyMatch(n -> n.startsWith("all-reduce partial "));
        assertThat(transfers(run(Layout.expertParallel(2).withMicroBatches(1), true), 1)).contains(
                "all-to-all dispatch 0", "all-to-all combine 0");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void oneRankThatDoesNothingElseIsBusyOrWaitsOnOneThingAtATime(boolean recorded) {
        RunResult result = run(Layout.separated(1, 1).withMicroBatches(1), recorded);

        assertThat(result.timeline().events().stream().anyMatch(e -> e.stream() == Stream.TRANSFER))
                .isEqualTo(recorded);
        for (int rank = 0; rank < 2; rank++) {
            int index = rank;
            List<TimelineEvent> events = result.timeline().events().stream()
                    .filter(e -> e.rank() == index)
                    .sorted((a, b) -> Long.compare(a.startNanos(), b.startNanos()))
                    .toList();
            for (int i = 1; i < events.size(); i++) {
                assertThat(events.get(i).startNanos()).isGreaterThanOrEqualTo(events.get(i - 1).endNanos());
            }
        }
    }

    @Test
    void aLongTimelineIsCutAndSaysByHowMuch() {
        Recorder.RankLog log = new Recorder(1, 1, 1, true).rank(0);
        for (int i = 0; i < Recorder.MOST_EVENTS + 3; i++) {
            log.compute(new TimelineEvent(0, Stream.COMPUTE, "a", 0, i, false, i, i + 1));
        }
        log.transfer(new TimelineEvent(0, Stream.TRANSFER, "b", 0, 0, false, 0, 1));

        assertThat(log.events()).hasSize(Recorder.MOST_EVENTS + 1);
        assertThat(log.leftOut()).isEqualTo(3);
        assertThat(log.times(1).busy()).isEqualTo(Recorder.MOST_EVENTS + 3);
    }
}
