package io.maseparation.parallel.cli.results;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.files.Json;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.Reference;
import io.maseparation.parallel.Model;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.compare.Comparison;
import io.maseparation.parallel.compare.TokenCheck;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.measure.HostPeak;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.HeadTime;
import io.maseparation.parallel.run.Metrics;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReportTest {
    private static final Table TABLE = Table.builder()
            .column("name", "name", Unit.PLAIN)
            .column("time_ms", "time", Unit.MILLISECONDS)
            .column("size_bytes", "size", Unit.BYTES)
            .row("a,\"b\"", 1.25, 2048L)
            .row("pipe|", Double.NaN, 3_000_000L)
            .build();

    @Test
    void aTableIsAligned() {
        assertThat(TableWriter.write(TABLE, OutputFormat.TABLE)).isEqualTo("""
                name      time     size
                a,"b"  1.25 ms  2.0 KiB
                pipe|        -  2.9 MiB
                """);
    }

    @Test
    void csvQuotesWhatItMustAndLeavesOutWhatHasNoValue() {
        assertThat(TableWriter.write(TABLE, OutputFormat.CSV)).isEqualTo("""
                name,time_ms,size_bytes
                "a,""b""\",1.25,2048
                pipe|,,3000000
                """);
    }

    @Test
    void markdownEscapesItsOwnSigns() {
        assertThat(TableWriter.write(TABLE, OutputFormat.MD)).isEqualTo("""
                | name   |    time |    size |
                | ------ | ------: | ------: |
                | a,"b"  | 1.25 ms | 2.0 KiB |
                | pipe\\| |       - | 2.9 MiB |
                """);
    }

    @Test
    void jsonHasNullForWhatIsNoNumber() {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("a", Double.POSITIVE_INFINITY);
        tree.put("b", new float[] {0.1f, Float.NaN});
        tree.put("c", List.of(1, 2L));
        tree.put("d", null);

        assertThat(Json.write(tree)).isEqualTo("""
                {
                  "a": null,
                  "b": [ 0.1, null ],
                  "c": [ 1, 2 ],
                  "d": null
                }
                """);
        assertThatThrownBy(() -> Json.write(new Object())).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void numbersKeepThreeDigitsInAnyLocale() {
        Locale before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.GERMANY);
            assertThat(Unit.significant(1234.56)).isEqualTo("1235");
            assertThat(Unit.significant(0.0012345)).isEqualTo("0.00123");
            assertThat(Unit.significant(0)).isEqualTo("0.00");
            assertThat(Unit.PERCENT.text(0.0312)).isEqualTo("3.1 %");
            assertThat(Unit.PERCENT.text(1.0)).isEqualTo("100 %");
            assertThat(Unit.BYTES.text(1536)).isEqualTo("1.5 KiB");
            assertThat(Unit.AMOUNT.text(46_702_792_704L)).isEqualTo("46.70 B");
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void columnsCanBeChosen() {
        assertThat(TABLE.select("size_bytes", "name").objects().getFirst())
                .containsExactly(Map.entry("size_bytes", 2048L), Map.entry("name", "a,\"b\""));
        assertThatThrownBy(() -> TABLE.select("nothing")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theHeadIsTimedOnTheSlowestRankOfEachStep() {
        RunResult result = result(
                List.of(),
                List.of(
                        new TimelineEvent(0, TimelineEvent.Stream.COMPUTE, "output", 0, 0, true, 0, 90_000_000),
                        new TimelineEvent(0, TimelineEvent.Stream.COMPUTE, "output", 0, 1, false, 0, 1_000_000),
                        new TimelineEvent(0, TimelineEvent.Stream.COMPUTE, "output", 1, 1, false, 0, 1_000_000),
                        new TimelineEvent(1, TimelineEvent.Stream.COMPUTE, "output", 0, 1, false, 0, 1_500_000),
                        new TimelineEvent(1, TimelineEvent.Stream.COMPUTE, "output", 0, 2, false, 0, 4_000_000),
                        new TimelineEvent(1, TimelineEvent.Stream.COMPUTE, "layer0", 0, 2, false, 0, 7_000_000)));

        assertThat(HeadTime.perStepMs(result)).isEqualTo(3);
        assertThat(HeadTime.tpotWithoutMs(result)).isEqualTo(7);
    }

    @Test
    void tokensMayDifferAtNearTiesOnly() {
        ModelWeights weights = RandomWeights.create(Presets.config("tiny"), 0);
        TokenCheck check =
                new TokenCheck(weights, ExecutionOptions.defaults(), Workload.greedy(List.of(new int[] {1, 2, 3}), 2));
        int[] prompt = {1, 2, 3};
        Reference.Trace trace = new Reference(weights).trace(prompt, 5);
        double gap = Math.min(trace.logitGap()[2], Arrays.stream(trace.routerGap()).min().orElseThrow());
        RunResult a = result(List.of(7, 8), List.of());
        RunResult b = result(List.of(9, 8), List.of());

        assertThat(check.compare(a, a, true)).isEmpty();
        List<TokenCheck.Difference> strict = check.compare(a, b, false);
        assertThat(strict).hasSize(1);
        assertThat(strict.getFirst().allowed()).isFalse();
        assertThat(ComparisonReport.text(strict.getFirst())).isEqualTo("sequence 0, output token 0: 9 instead of 7");
        List<TokenCheck.Difference> rounding = check.compare(a, b, true);
        assertThat(rounding.getFirst().gap()).isEqualTo(gap);
        assertThat(rounding.getFirst().allowed()).isEqualTo(gap < TokenCheck.NEAR_TIE);
        assertThat(check.compare(a, result(List.of(7), List.of()), false).getFirst().actual()).isEqualTo(-1);
    }

    @Test
    void theMachineHasPeaks() {
        HostPeak peak = HostPeak.measure();

        assertThat(peak.bytesPerSecond()).isBetween(1e8, 1e13);
        assertThat(peak.flopsPerSecond()).isBetween(1e8, 1e15);
    }

    @Test
    void sharesThatCannotBeAreExplained() {
        try (Model model = Model.preset("tiny", 0)) {
            Comparison comparison = Comparison.run(
                    model, Workload.greedy(List.of(new int[] {1, 2, 3}), 4),
                    List.of(Layout.single().withMicroBatches(1)), ExecutionOptions.defaults(), 1, setup -> {});

            assertThat(notes(model, comparison, new HostPeak(1e30, 1))).contains("A share above 100 %");
            assertThat(notes(model, comparison, new HostPeak(1, 1e30))).contains("A share above 100 %");
            assertThat(notes(model, comparison, new HostPeak(1e30, 1e30))).doesNotContain("A share above 100 %");
            assertThat(notes(model, comparison, new HostPeak(Double.NaN, Double.NaN)))
                    .doesNotContain("A share above 100 %")
                    .matches("(?s).*\nVerdict: tokens are equal on all layouts that ran; here single is fastest"
                            + " \\([^)]*ms\\); simulated on a100x8 none ran\\.\n");
        }
    }

    private static String notes(Model model, Comparison comparison, HostPeak peak) {
        return new ComparisonReport(model.config(), comparison, peak, 1, message -> message)
                .text("tiny", TABLE, Clusters.named("a100x8"), OutputFormat.TABLE);
    }

    private static RunResult result(List<Integer> tokens, List<TimelineEvent> timeline) {
        double no = Double.NaN;
        Metrics metrics = new Metrics(
                new Metrics.Latency(10, no, no, no, no),
                no,
                no,
                no,
                new Metrics.Work(no, no, no, no),
                new Metrics.Utilisation(no, no, no, no));
        return new RunResult(
                "single",
                "single",
                "embedded",
                List.of(),
                List.of(new RunResult.SequenceOutput(List.of(1, 2, 3), tokens, null)),
                metrics,
                new RunResult.Timeline(timeline, 0),
                List.of());
    }
}
