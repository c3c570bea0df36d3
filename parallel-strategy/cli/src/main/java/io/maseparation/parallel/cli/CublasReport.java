package io.maseparation.parallel.cli;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.files.Json;
import io.maseparation.files.ModelException;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.cublas.CublasCheck;
import io.maseparation.parallel.cublas.CublasCheck.Findings;
import io.maseparation.parallel.cublas.CublasCheck.Outcome;
import io.maseparation.parallel.cublas.CublasCheck.Shape;
import io.maseparation.parallel.cublas.CublasShapes;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.run.RunFailedException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** {@code ma devices --cublas}: products of the kernels here beside cuBLAS's. */
final class CublasReport {
    static final String DEFAULT_MODEL = "seed";
    /** Why runs do without it. */
    private static final String UNUSED =
            "The engine does not use cuBLAS: its kernel and the order of its sums depend on"
                    + " the number of rows, so that a request's tokens would depend on what else is in its batch.";

    private CublasReport() {}

    static void run(Arguments arguments, OutputFormat format, Terminal terminal) {
        ModelConfig model = SimulationFlags.shape(arguments, DEFAULT_MODEL);
        List<Shape> shapes = CublasShapes.of(model);
        Device device = RunFlags.devices(arguments).getFirst();
        Findings findings;
        try (Progress progress = terminal.progress("multiplying", CublasCheck.count(shapes.size()))) {
            findings = CublasCheck.run(device, shapes, done -> progress.step());
        } catch (RunFailedException | ModelException e) {
            throw new FailedException("no comparison with cuBLAS here: " + e.getMessage(), e);
        }
        print(findings, new Measured(model.name(), device.name(), device.hardware()), format, terminal);
    }

    /**
     * What was measured.
     *
     * @param model whose matrices
     * @param device name of the device
     * @param hardware what it is
     */
    record Measured(String model, String device, String hardware) {}

    /**
     * Prints it.
     *
     * @throws FailedException after that, if anything is wrong
     */
    static void print(Findings findings, Measured measured, OutputFormat format, Terminal terminal) {
        Table table = table(findings);
        if (format == OutputFormat.JSON) {
            Map<String, Object> all = new LinkedHashMap<>();
            all.put("cublas", findings.version());
            all.put("device", measured.hardware());
            all.put("model", measured.model());
            all.put("copy_bytes_per_second", findings.copyBytesPerSecond());
            all.put("note", UNUSED);
            all.put("products", table.objects());
            terminal.out().print(Json.write(all));
        } else {
            terminal.out().print(TableWriter.write(table, format));
        }
        if (format == OutputFormat.TABLE || format == OutputFormat.MD) {
            terminal.results(notes(findings, measured), format);
        }
        terminal.out().flush();
        findings.outcomes().stream().filter(o -> o.failure().isPresent()).findFirst().ifPresent(o -> {
            throw new FailedException("products are not right or not measured, %d of %d; the first, %s with %d rows: %s"
                    .formatted(findings.outcomes().stream().filter(f -> f.failure().isPresent()).count(),
                            findings.outcomes().size(), o.shape().name(), o.rows(), o.failure().orElseThrow()));
        });
    }

    private static String notes(Findings findings, Measured measured) {
        return ("\ncuBLAS %s on %s %s, shapes of %s; a copy moved %.2f TB/s. Times are p50 of CUDA graphs of 24 products,"
                + " divided by 24, from event to event in the graph: the host's part grows with the number of tasks, and"
                + " TornadoVM's profiler does not look into graphs. Weights are fp16 and come from memory: \"copies\""
                + " matrices take turns. Kernels pack their fp32 x themselves (f16: to one fp16 number, accurate: to two),"
                + " cuBLAS gets it as fp16; results are fp32. \"Of copy\" is weights, x and result over time and over a"
                + " copy's rate; \"differ\" the largest difference of a result with x in fp16 from cuBLAS's, \"off\" the"
                + " largest of 97 elements of any of the three from float64, both in root mean squares. ")
                .formatted(findings.version(), measured.device(), measured.hardware(), measured.model(),
                        findings.copyBytesPerSecond() / 1e12)
                + UNUSED + "\n";
    }

    private static Table table(Findings findings) {
        double copy = findings.copyBytesPerSecond();
        return Table.of(findings.outcomes(),
                column("weights", "weights", Unit.PLAIN, o -> o.shape().name()),
                column("outputs", "outputs", Unit.COUNT, o -> o.shape().outputs()),
                column("columns", "columns", Unit.COUNT, o -> o.shape().cols()),
                column("copies", "copies", Unit.COUNT, Outcome::copies),
                column("rows", "rows", Unit.COUNT, Outcome::rows),
                column("f16_us", "f16 us", Unit.NUMBER, o -> o.times().f16()),
                column("accurate_us", "accurate us", Unit.NUMBER, o -> o.times().accurate()),
                column("cublas_us", "cuBLAS us", Unit.NUMBER, o -> o.times().cublas()),
                column("f16_ratio", "f16/cuBLAS", Unit.NUMBER, o -> o.times().f16() / o.times().cublas()),
                column("accurate_ratio", "accurate/cuBLAS", Unit.NUMBER,
                        o -> o.times().accurate() / o.times().cublas()),
                column("f16_of_copy", "f16 of copy", Unit.PERCENT, share(copy, o -> o.times().f16())),
                column("cublas_of_copy", "cuBLAS of copy", Unit.PERCENT, share(copy, o -> o.times().cublas())),
                column("f16_tflops", "f16 TFLOP/s", Unit.NUMBER, o -> o.flops() / o.times().f16() / 1e6),
                column("cublas_tflops", "cuBLAS TFLOP/s", Unit.NUMBER, o -> o.flops() / o.times().cublas() / 1e6),
                column("difference", "differ", Unit.PLAIN, o -> size(o.errors().between())),
                column("error", "off", Unit.PLAIN, o -> size(Math.max(
                        Math.max(o.errors().f16(), o.errors().accurate()), o.errors().cublas()))),
                column("result", "result", Unit.PLAIN, o -> o.failure().orElse("ok")));
    }

    private static Function<Outcome, Object> share(double copy, ToDoubleFunction<Outcome> micros) {
        return o -> o.bytes() / (micros.applyAsDouble(o) / 1e6) / copy;
    }

    private static String size(double error) {
        return Double.isNaN(error) ? "-" : String.format(Locale.ROOT, "%.1e", error);
    }
}
