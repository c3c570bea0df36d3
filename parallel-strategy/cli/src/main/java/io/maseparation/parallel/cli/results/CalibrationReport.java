package io.maseparation.parallel.cli.results;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.files.Json;
import io.maseparation.kernels.Operation;
import io.maseparation.parallel.calibrate.Calibration;
import io.maseparation.parallel.calibrate.LinkTimes;
import io.maseparation.parallel.calibrate.SimulationCheck;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What a calibration found, for people and programs.
 *
 * @param calibration the profile
 * @param checks simulations beside runs; may be empty
 * @param links what was measured of messages between processes; empty where there is one
 */
public record CalibrationReport(
        Calibration calibration, List<SimulationCheck.Entry> checks, List<LinkTimes> links) {
    private static final double MILLION = 1e6;
    private static final double GIGA = 1e9;

    /** Copies the lists. */
    public CalibrationReport {
        checks = List.copyOf(checks);
        links = List.copyOf(links);
    }

    /**
     * {@return the report}
     *
     * @param model name of the model
     * @param description the model in some words
     * @param settings of the check
     * @param format how to write it
     */
    public String written(String model, String description, SimulationCheck.Settings settings, OutputFormat format) {
        return switch (format) {
            case JSON -> Json.write(tree(model));
            case CSV -> TableWriter.write(checks.isEmpty() ? operations() : check(), format);
            default -> text(description, settings, format);
        };
    }

    private Table operations() {
        return Table.of(
                Stream.of(Operation.values())
                        .filter(calibration.fits()::containsKey)
                        .map(operation -> Map.entry(operation, calibration.fits().get(operation)))
                        .toList(),
                column("operation", "operation", Unit.PLAIN, e -> e.getKey().id()),
                column("launch_us", "launch, us", Unit.NUMBER, e -> e.getValue().rate().launchSeconds() * MILLION),
                column("gb_per_s", "GB/s", Unit.NUMBER, e -> e.getValue().rate().bytesPerSecond() / GIGA),
                column("gflop_per_s", "GFLOP/s", Unit.NUMBER, e -> e.getValue().rate().flopsPerSecond() / GIGA),
                column("median_error", "median error of the fit", Unit.PERCENT, e -> e.getValue().medianError()),
                column("samples", "samples", Unit.COUNT, e -> e.getValue().samples()),
                column("shape_times", "times by shape", Unit.COUNT, e -> shapeTimes(e.getKey())));
    }

    private int shapeTimes(Operation operation) {
        OperationRate rate = calibration.cluster().kinds().getFirst().measured().get(operation);
        return rate == null ? 0 : rate.shapes().curves().stream().mapToInt(c -> c.points().size()).sum();
    }

    private Table check() {
        return Table.of(checks,
                column("strategy", "strategy", Unit.PLAIN, e -> e.setup().layout().strategy().id()),
                column("layout", "layout", Unit.PLAIN, e -> e.setup().layout().name()),
                column("micro_batches", "micro-batches", Unit.COUNT, e -> e.setup().batching().microBatches()),
                column("measured_step_ms", "step, measured", Unit.MILLISECONDS, SimulationCheck.Entry::measuredMs),
                column("measured_step_ms_min", "least", Unit.MILLISECONDS, SimulationCheck.Entry::leastMs),
                column("measured_step_ms_max", "most", Unit.MILLISECONDS, SimulationCheck.Entry::mostMs),
                column("measured_tpot_p50_ms", "TPOT p50", Unit.MILLISECONDS, SimulationCheck.Entry::medianMs),
                column("simulated_tpot_ms", "TPOT, simulated", Unit.MILLISECONDS, SimulationCheck.Entry::simulatedMs),
                column("error", "error", Unit.PERCENT, SimulationCheck.Entry::error),
                column("rates_tpot_ms", "by rates alone", Unit.MILLISECONDS, SimulationCheck.Entry::ratesMs),
                column("rates_error", "error", Unit.PERCENT, e -> e.ratesMs() / e.measuredMs() - 1));
    }

    private Table segments() {
        Table.Builder table = Table.builder()
                .column("strategy", "strategy", Unit.PLAIN)
                .column("layout", "layout", Unit.PLAIN)
                .column("segment", "segment", Unit.PLAIN)
                .column("measured_ms", "measured", Unit.MILLISECONDS)
                .column("simulated_ms", "simulated", Unit.MILLISECONDS)
                .column("error", "error", Unit.PERCENT);
        for (SimulationCheck.Entry e : checks) {
            for (SimulationCheck.SegmentTime s : e.segments()) {
                table.row(e.setup().layout().strategy().id(), e.setup().layout().name(), s.name(), s.measuredMs(),
                        s.simulatedMs(), s.simulatedMs() / s.measuredMs() - 1);
            }
        }
        return table.build();
    }

    private Map<String, Object> tree(String model) {
        Cluster cluster = calibration.cluster();
        DeviceKind kind = cluster.kinds().getFirst();
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("model", model);
        tree.put("source", "measured");
        tree.put("memory_bandwidth_bytes_per_s", kind.roofline().bytesPerSecond());
        tree.put("flops_per_s", kind.roofline().flopsPerSecond());
        tree.put("graph_start_us", kind.launches().startSeconds() * MILLION);
        tree.put("transfer_latency_us", cluster.links().intraNode().latencySeconds() * MILLION);
        tree.put("transfer_bytes_per_s", cluster.links().intraNode().bytesPerSecond());
        tree.put("contention", cluster.host().contention());
        tree.put("variation", cluster.host().variation());
        calibration.split().ifPresent(split -> {
            tree.put("launch_us", kind.launches().eagerSeconds() * MILLION);
            tree.put("host_bytes_per_s", kind.hostBytesPerSecond());
            tree.put("step", step(split, kind));
        });
        if (!links.isEmpty()) {
            tree.put("links", links.stream().map(CalibrationReport::link).toList());
        }
        tree.put("operations", operations().objects());
        tree.put("strategies", check().objects());
        tree.put("segments", segments().objects());
        return tree;
    }

    private static Map<String, Object> link(LinkTimes times) {
        Map<String, Object> link = new LinkedHashMap<>();
        link.put("between", times.between().text());
        link.put("pairs", times.pairs());
        link.put("latency_us", times.link().latencySeconds() * MILLION);
        link.put("bytes_per_s", times.link().bytesPerSecond());
        link.put("messages", messages(List.of(times)).without("between").objects());
        return link;
    }

    private static Table messages(List<LinkTimes> links) {
        Table.Builder table = Table.builder()
                .column("between", "between", Unit.PLAIN)
                .column("bytes", "message", Unit.BYTES)
                .column("us", "us", Unit.NUMBER)
                .column("us_min", "least", Unit.NUMBER)
                .column("us_max", "most", Unit.NUMBER)
                .column("link_us", "by the link", Unit.NUMBER);
        for (LinkTimes link : links) {
            for (LinkTimes.MessageTime m : link.messages()) {
                table.row(link.between().text(), m.bytes(), m.seconds() * MILLION, m.least() * MILLION,
                        m.most() * MILLION, link.link().seconds((double) m.bytes()) * MILLION);
            }
        }
        return table.build();
    }

    private String linksText(OutputFormat format) {
        StringBuilder text = new StringBuilder("\nMessages, median of rounds and pairs, as ranks exchange them:\n\n");
        text.append(TableWriter.write(messages(links), format)).append('\n');
        for (LinkTimes link : links) {
            text.append("Between %s: %s us and %s GB/s.\n".formatted(link.between().text(),
                    Unit.significant(link.link().latencySeconds() * MILLION),
                    Unit.significant(link.link().bytesPerSecond() / GIGA)));
        }
        return text.toString();
    }

    /** Where a step of a single device goes. */
    private static Map<String, Object> step(Calibration.StepSplit split, DeviceKind kind) {
        Map<String, Object> step = new LinkedHashMap<>();
        step.put("rows", split.rows());
        step.put("context", split.context());
        step.put("tasks_per_step", split.tasks());
        step.put("bytes_moved_per_step", split.bytesMoved());
        step.put("transfer_bytes_per_step", split.transferBytes());
        step.put("step_ms", split.stepMs());
        step.put("kernel_ms", split.kernelMs());
        step.put("transfer_ms", split.transferMs());
        step.put("host_ms", split.hostMs());
        step.put("mbu", split.mbu(kind.roofline().bytesPerSecond()));
        return step;
    }

    private static String deviceText(Cluster cluster, Calibration.StepSplit split) {
        DeviceKind kind = cluster.kinds().getFirst();
        return ("\nMemory %s GB/s by a copy, multiply-adds %s GFLOP/s in fp32; the host starts a segment in %s us and a task"
                + " in %s us, %s %% longer while another rank does; host to device and back %s GB/s; a message between"
                + " ranks %s us and %s GB/s.\nA step of %d sequences at %d positions on one rank: %s, of which kernels %s"
                + " in %d tasks, data to and from the device %s (%s), the rest, of the host, %s; %s move, %s of the copy's"
                + " rate.\n").formatted(
                        Unit.significant(kind.roofline().bytesPerSecond() / GIGA),
                        Unit.significant(kind.roofline().flopsPerSecond() / GIGA),
                        Unit.significant(kind.launches().startSeconds() * MILLION),
                        Unit.significant(kind.launches().eagerSeconds() * MILLION),
                        Unit.significant(100 * cluster.host().contention()),
                        Unit.significant(kind.hostBytesPerSecond() / GIGA),
                        Unit.significant(cluster.links().intraNode().latencySeconds() * MILLION),
                        Unit.significant(cluster.links().intraNode().bytesPerSecond() / GIGA),
                        split.rows(),
                        split.context(),
                        Unit.MILLISECONDS.text(split.stepMs()),
                        Unit.MILLISECONDS.text(split.kernelMs()),
                        split.tasks(),
                        Unit.MILLISECONDS.text(split.transferMs()),
                        Unit.BYTES.text(split.transferBytes()),
                        Unit.MILLISECONDS.text(split.hostMs()),
                        Unit.BYTES.text((long) split.bytesMoved()),
                        Unit.PERCENT.text(split.mbu(kind.roofline().bytesPerSecond())));
    }

    private static String hostText(Cluster cluster) {
        DeviceKind kind = cluster.kinds().getFirst();
        Link link = cluster.links().intraNode();
        return ("\nMemory %s GB/s, multiply-adds %s GFLOP/s; starting a graph %s us; a message between ranks %s us and"
                + " %s GB/s; two ranks that compute at once take %s %% longer each,"
                + " give or take %s %%.\n").formatted(
                        Unit.significant(kind.roofline().bytesPerSecond() / GIGA),
                        Unit.significant(kind.roofline().flopsPerSecond() / GIGA),
                        Unit.significant(kind.launches().startSeconds() * MILLION),
                        Unit.significant(link.latencySeconds() * MILLION),
                        Unit.significant(link.bytesPerSecond() / GIGA),
                        Unit.significant(100 * cluster.host().contention()),
                        Unit.significant(100 * cluster.host().variation()));
    }

    private String text(String description, SimulationCheck.Settings settings, OutputFormat format) {
        Cluster cluster = calibration.cluster();
        DeviceKind kind = cluster.kinds().getFirst();
        StringBuilder text = new StringBuilder("%s; %s of this machine, measured\n\n"
                .formatted(description, kind.name()));
        text.append(TableWriter.write(operations(), format));
        text.append(calibration.split().map(split -> deviceText(cluster, split)).orElseGet(() -> hostText(cluster)));
        if (!links.isEmpty()) {
            text.append(linksText(format));
        }
        if (!checks.isEmpty()) {
            text.append("\nThe simulator against runs: %d prompts of %d tokens, %d generated; median of %d runs.\n\n"
                    .formatted(settings.batch(), SimulationCheck.PROMPT, settings.tokens(), settings.rounds()));
            text.append(TableWriter.write(check().without("strategy"), format)).append('\n');
            text.append(TableWriter.write(segments().without("strategy"), format));
        }
        return text.toString();
    }
}
