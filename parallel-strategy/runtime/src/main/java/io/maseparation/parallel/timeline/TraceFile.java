package io.maseparation.parallel.timeline;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.maseparation.files.WholeFile;
import java.io.IOException;
import java.io.Writer;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes timelines in the Trace Event Format ("Trace Event Format", Google, 2016) that ui.perfetto.dev and
 * chrome://tracing open: each run is a process, each rank has a thread for its kernels and one or more for its
 * transfers. Events of one thread are in order of time and do not overlap; transfers that do lie on further threads.
 * Times count from the run's first event and are written in microseconds, with nanoseconds as decimals.
 */
public final class TraceFile {
    /** Decimals of a microsecond in a nanosecond. */
    private static final int DECIMALS = 3;

    /** Colours by micro-batch, out of those names that the viewers know; Perfetto chooses its own. */
    private static final List<String> COLOURS = List.of(
            "rail_response", "thread_state_iowait", "thread_state_running", "yellow", "cq_build_attempt_failed",
            "thread_state_runnable", "olive", "generic_work");

    /**
     * One run or plan.
     *
     * @param name what the reader finds it by, such as "ma 12:4, simulated"
     * @param rankNames what each rank is, such as its role, by index
     * @param events what the ranks did, in any order
     */
    public record Run(String name, List<String> rankNames, List<TimelineEvent> events) {
        /** Copies the lists. */
        public Run {
            rankNames = List.copyOf(rankNames);
            events = List.copyOf(events);
        }
    }

    private TraceFile() {}

    /**
     * Writes runs into one file, whole or not at all.
     *
     * @param file where; one of that name is replaced
     * @param runs what; a run without events has its names only
     * @throws IllegalArgumentException if an event ends before it starts, or its rank has no name
     * @throws java.io.UncheckedIOException if the file cannot be written; it names the file
     */
    public static void write(Path file, List<Run> runs) {
        WholeFile.write(file, writer -> write(writer, runs));
    }

    private static void write(Writer writer, List<Run> runs) throws IOException {
        JsonFactory factory = JsonFactory.builder().build();
        try (JsonGenerator json = factory.createGenerator(writer)) {
            json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
            json.writeStartObject();
            json.writeStringField("displayTimeUnit", "ms");
            json.writeArrayFieldStart("traceEvents");
            for (int i = 0; i < runs.size(); i++) {
                // Numbers of processes and threads start at 1: viewers take 0 for the idle thread.
                write(json, runs.get(i), i + 1);
            }
            json.writeEndArray();
            json.writeEndObject();
        }
    }

    private static void write(JsonGenerator json, Run run, int process) throws IOException {
        text(json, process, 0, "process_name", run.name());
        number(json, process, 0, "process_sort_index", process);
        long origin =
                run.events().stream().mapToLong(TimelineEvent::startNanos).min().orElse(0);
        int thread = 1;
        List<List<TimelineEvent>> ranks = byRank(run);
        for (int rank = 0; rank < ranks.size(); rank++) {
            String name = "rank %d %s".formatted(rank, run.rankNames().get(rank));
            for (TimelineEvent.Stream stream : TimelineEvent.Stream.values()) {
                List<List<TimelineEvent>> lanes = Lanes.of(
                        ranks.get(rank).stream().filter(e -> e.stream() == stream).toList());
                if (lanes.isEmpty() && stream == TimelineEvent.Stream.COMPUTE) {
                    // A rank that did nothing is there too.
                    lanes = List.of(List.of());
                }
                for (int lane = 0; lane < lanes.size(); lane++) {
                    String of = stream == TimelineEvent.Stream.COMPUTE ? "compute" : "transfers";
                    text(json, process, thread, "thread_name",
                            name + ": " + of + (lane == 0 ? "" : " (" + (lane + 1) + ")"));
                    number(json, process, thread, "thread_sort_index", thread);
                    for (TimelineEvent event : lanes.get(lane)) {
                        event(json, event, process, thread, origin);
                    }
                    thread++;
                }
            }
        }
    }

    private static List<List<TimelineEvent>> byRank(Run run) {
        List<List<TimelineEvent>> ranks = new ArrayList<>();
        run.rankNames().forEach(name -> ranks.add(new ArrayList<>()));
        for (TimelineEvent event : run.events()) {
            if (event.rank() < 0 || event.rank() >= ranks.size()) {
                throw new IllegalArgumentException("%s: an event is of rank %d, and %d ranks have names"
                        .formatted(run.name(), event.rank(), ranks.size()));
            }
            ranks.get(event.rank()).add(event);
        }
        return ranks;
    }

    private static void event(JsonGenerator json, TimelineEvent event, int process, int thread, long origin)
            throws IOException {
        json.writeRaw('\n');
        json.writeStartObject();
        json.writeStringField("ph", "X");
        json.writeStringField("name", event.name());
        json.writeStringField("cat", event.stream() == TimelineEvent.Stream.COMPUTE ? "compute" : "transfer");
        json.writeNumberField("pid", process);
        json.writeNumberField("tid", thread);
        json.writeNumberField("ts", BigDecimal.valueOf(event.startNanos() - origin, DECIMALS));
        json.writeNumberField("dur", BigDecimal.valueOf(event.endNanos() - event.startNanos(), DECIMALS));
        json.writeStringField("cname", COLOURS.get(Math.floorMod(event.microBatch(), COLOURS.size())));
        json.writeObjectFieldStart("args");
        json.writeNumberField("micro_batch", event.microBatch());
        json.writeNumberField("step", event.step());
        json.writeStringField("phase", event.prefill() ? "prefill" : "decode");
        json.writeEndObject();
        json.writeEndObject();
    }

    private static void text(JsonGenerator json, int process, int thread, String what, String name)
            throws IOException {
        metadata(json, process, thread, what);
        json.writeStringField("name", name);
        json.writeEndObject();
        json.writeEndObject();
    }

    private static void number(JsonGenerator json, int process, int thread, String what, int index)
            throws IOException {
        metadata(json, process, thread, what);
        json.writeNumberField("sort_index", index);
        json.writeEndObject();
        json.writeEndObject();
    }

    /** Starts a metadata event up to the arguments inside. */
    private static void metadata(JsonGenerator json, int process, int thread, String what) throws IOException {
        json.writeRaw('\n');
        json.writeStartObject();
        json.writeStringField("ph", "M");
        json.writeStringField("name", what);
        json.writeNumberField("pid", process);
        json.writeNumberField("tid", thread);
        json.writeObjectFieldStart("args");
    }
}
