package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.parallel.cublas.CublasCheck.Errors;
import io.maseparation.parallel.cublas.CublasCheck.Findings;
import io.maseparation.parallel.cublas.CublasCheck.Outcome;
import io.maseparation.parallel.cublas.CublasCheck.Shape;
import io.maseparation.parallel.cublas.CublasCheck.Times;
import io.maseparation.parallel.present.OutputFormat;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CublasReportTest {
    private static final Outcome RIGHT = new Outcome(new Shape("output", 4096, 4096), 24, 13, new Times(30, 45, 15),
            new Errors(1e-5, 2e-6, 3e-5, 4e-5), Optional.empty());
    private static final Outcome WRONG = new Outcome(new Shape("expert", 16384, 4096), 8, 4,
            new Times(Double.NaN, Double.NaN, Double.NaN), new Errors(1e-5, 2e-6, 3, 3),
            Optional.of("cuBLAS is off by 3.0e+00"));

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private void print(OutputFormat format, Outcome... outcomes) {
        PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        CublasReport.print(new Findings("13.0.2", 4e12, List.of(outcomes)),
                new CublasReport.Measured("seed", "cuda-0-0", "a GPU"), format, Terminal.of(out, out));
    }

    private String printed() {
        return bytes.toString(StandardCharsets.UTF_8).replaceAll("\\s+", " ");
    }

    @Test
    void ratiosAndSharesAreThoseOfTheTimes() {
        print(OutputFormat.TABLE, RIGHT);

        // 33.6 MB of weights, 0.2 of x and 0.4 of results; 0.805 GFLOP.
        assertThat(printed())
                .contains("output 4096 4096 13 24 30.0 45.0 15.0 2.00 3.00 28 % 57 % 26.8 53.7 4.0e-05 3.0e-05 ok");
    }

    @Test
    void itSaysThatTheEngineDoesNotUseItAndWhy() {
        print(OutputFormat.TABLE, RIGHT);
        assertThat(printed()).contains("cuBLAS 13.0.2 on cuda-0-0 a GPU, shapes of seed; a copy moved 4.00 TB/s.")
                .contains(
                        "The engine does not use cuBLAS: its kernel and the order of its sums depend on the number of rows");
        bytes.reset();

        print(OutputFormat.JSON, RIGHT);
        assertThat(printed()).contains("\"cublas\": \"13.0.2\"", "\"f16_ratio\": 2", "The engine does not use cuBLAS");
    }

    @Test
    void aWrongResultIsAnErrorAfterTheTable() {
        assertThatThrownBy(() -> print(OutputFormat.TABLE, RIGHT, WRONG))
                .isInstanceOf(FailedException.class)
                .hasMessage(
                        "products are not right or not measured, 1 of 2; the first, expert with 8 rows: cuBLAS is off by"
                                + " 3.0e+00");
        assertThat(printed())
                .contains("expert 16384 4096 4 8 - - - - - - - - - 3.0e+00 3.0e+00 cuBLAS is off by 3.0e+00");
    }
}
