package io.maseparation.parallel.timeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.parallel.timeline.TimelineEvent.Stream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TraceFileTest {
    @TempDir
    Path temp;

    private static TimelineEvent event(int rank, Stream stream, String name, int microBatch, long start, long end) {
        return new TimelineEvent(rank, stream, name, microBatch, 3, false, start, end);
    }

    private static List<JsonNode> written(Path file, List<TraceFile.Run> runs) throws IOException {
        TraceFile.write(file, runs);
        JsonNode json = new ObjectMapper().readTree(file.toFile());
        List<JsonNode> events = new ArrayList<>();
        json.get("traceEvents").forEach(events::add);
        events.forEach(TraceFileTest::assertFollowsTheFormat);
        return events;
    }

    /** What the format demands of complete events and of metadata. */
    private static void assertFollowsTheFormat(JsonNode event) {
        assertThat(event.get("name").isTextual()).isTrue();
        assertThat(event.get("pid").isInt()).isTrue();
        assertThat(event.get("tid").isInt()).isTrue();
        switch (event.get("ph").textValue()) {
            case "X" -> {
                assertThat(event.get("ts").isNumber()).isTrue();
                assertThat(event.get("dur").decimalValue()).isNotNegative();
                assertThat(event.get("tid").intValue()).isPositive();
                assertThat(event.get("args").get("micro_batch").isInt()).isTrue();
                assertThat(event.get("args").get("step").isInt()).isTrue();
                assertThat(event.get("args").get("phase").textValue()).isIn("prefill", "decode");
                assertThat(event.get("cname").isTextual()).isTrue();
            }
            case "M" -> {
                boolean order = event.get("name").textValue().endsWith("sort_index");
                JsonNode value = event.get("args").get(order ? "sort_index" : "name");
                assertThat(order ? value.isInt() : value.isTextual()).isTrue();
            }
            default -> throw new AssertionError("unexpected phase " + event);
        }
    }

    private static List<JsonNode> complete(List<JsonNode> events) {
        return events.stream().filter(e -> e.get("ph").textValue().equals("X")).toList();
    }

    private static List<String> names(List<JsonNode> events, String what) {
        return events.stream()
                .filter(e -> e.get("name").textValue().equals(what))
                .map(e -> e.get("args").get("name").textValue())
                .toList();
    }

    @Test
    void runsAreProcessesAndRanksAreThreads() throws IOException {
        TraceFile.Run one = new TraceFile.Run(
                "ma \"2:1\", measured",
                List.of("attention", "attention", "expert"),
                List.of(
                        event(0, Stream.COMPUTE, "attention0", 0, 5_000, 7_001),
                        event(0, Stream.TRANSFER, "send dispatch 0", 0, 7_001, 9_000),
                        event(0, Stream.TRANSFER, "wait: receive combine 0", 1, 8_000, 9_500),
                        event(2, Stream.COMPUTE, "experts0", 1, 9_000, 9_000)));
        TraceFile.Run two = new TraceFile.Run("single", List.of("both"), List.of());

        List<JsonNode> events = written(temp.resolve("new").resolve("trace.json"), List.of(one, two));

        assertThat(names(events, "process_name")).containsExactly("ma \"2:1\", measured", "single");
        assertThat(names(events, "thread_name")).containsExactly(
                "rank 0 attention: compute",
                "rank 0 attention: transfers",
                "rank 0 attention: transfers (2)",
                "rank 1 attention: compute",
                "rank 2 expert: compute",
                "rank 0 both: compute");
        JsonNode first = complete(events).getFirst();
        assertThat(first.get("ts").decimalValue()).isEqualByComparingTo("0");
        assertThat(first.get("dur").decimalValue()).isEqualByComparingTo("2.001");
        assertThat(first.get("cat").textValue()).isEqualTo("compute");
        List<JsonNode> colours = complete(events).stream().map(e -> e.get("cname")).toList();
        assertThat(colours.get(0)).isEqualTo(colours.get(1)).isNotEqualTo(colours.get(2));
    }

    @Provide
    Arbitrary<List<TimelineEvent>> events() {
        Arbitrary<Long> start = Arbitraries.longs().between(-1_000, 100_000);
        Arbitrary<Long> length = Arbitraries.longs().between(0, 9_999);
        return Combinators.combine(
                Arbitraries.integers().between(0, 3),
                Arbitraries.of(Stream.values()),
                Arbitraries.strings().ofMaxLength(4),
                Arbitraries.integers().between(0, 9),
                Arbitraries.of(true, false),
                start,
                length)
                .as((rank, stream, name, microBatch, prefill, from, nanos) -> new TimelineEvent(
                        rank, stream, name, microBatch, 1, prefill, from, from + nanos))
                .list()
                .ofMaxSize(60);
    }

    @Property(tries = 200, edgeCases = EdgeCasesMode.NONE)
    void everyEventIsThereOnceInOrderAndAlone(@ForAll("events") List<TimelineEvent> events) throws IOException {
        Path file = Files.createTempFile("trace", ".json");
        try {
            List<JsonNode> written =
                    complete(written(file, List.of(new TraceFile.Run("run", List.of("a", "b", "c", "d"), events))));

            assertThat(written).hasSameSizeAs(events);
            long origin = events.stream().mapToLong(TimelineEvent::startNanos).min().orElse(0);
            assertThat(written.stream().map(TraceFileTest::times).sorted().toList())
                    .isEqualTo(events.stream()
                            .map(e -> e.name() + "@" + (e.startNanos() - origin) + "+"
                                    + (e.endNanos() - e.startNanos()))
                            .sorted()
                            .toList());
            Map<Integer, Long> ends = new HashMap<>();
            for (JsonNode event : written) {
                long start = nanos(event.get("ts"));
                assertThat(start).isGreaterThanOrEqualTo(ends.getOrDefault(event.get("tid").intValue(), 0L));
                ends.put(event.get("tid").intValue(), start + nanos(event.get("dur")));
            }
        } finally {
            Files.delete(file);
        }
    }

    private static String times(JsonNode event) {
        return event.get("name").textValue() + "@" + nanos(event.get("ts")) + "+" + nanos(event.get("dur"));
    }

    private static long nanos(JsonNode micros) {
        return new BigDecimal(micros.asText()).movePointRight(3).setScale(0, java.math.RoundingMode.HALF_EVEN)
                .longValueExact();
    }

    @Property(tries = 200, edgeCases = EdgeCasesMode.NONE)
    void lanesAreAsFewAsOverlapsDemand(@ForAll("events") List<TimelineEvent> events) {
        int most = events.stream()
                .mapToInt(e -> (int) events.stream()
                        .filter(o -> o.startNanos() <= e.startNanos() && o.endNanos() > e.startNanos())
                        .count())
                .max()
                .orElse(0);

        List<List<TimelineEvent>> lanes = Lanes.of(events);

        assertThat(lanes.stream().mapToInt(List::size).sum()).isEqualTo(events.size());
        assertThat(lanes.size()).isBetween(Math.min(1, events.size()), Math.max(most + 1, Math.min(1, events.size())));
    }

    @Test
    void whatIsWrongLeavesNoFile() {
        Path file = temp.resolve("trace.json");

        assertThatThrownBy(() -> TraceFile.write(file, List.of(new TraceFile.Run(
                "run", List.of("only"), List.of(event(1, Stream.COMPUTE, "a", 0, 0, 1))))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("run: an event is of rank 1, and 1 ranks have names");
        assertThatThrownBy(() -> TraceFile.write(file, List.of(new TraceFile.Run(
                "run", List.of("only"), List.of(event(0, Stream.COMPUTE, "a", 0, 1, 0))))))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(temp.toFile().list()).isEmpty();
        assertThatThrownBy(() -> TraceFile.write(temp, List.of()))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining(temp + " cannot be written: it is a folder");
    }
}
