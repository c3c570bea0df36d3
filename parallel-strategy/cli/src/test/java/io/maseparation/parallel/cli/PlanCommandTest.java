package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code simulate} and {@code plan} through the command line. */
class PlanCommandTest {
    @TempDir
    Path temp;

    private static JsonNode json(String line) throws IOException {
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words(line + " --format json"));
        assertThat(run.status()).as(run.err()).isZero();
        return JsonMapper.builder().build().readTree(run.out());
    }

    @Test
    void simulatePrintsWhatTheDesignSays() throws IOException {
        JsonNode result = json("simulate --strategy ma --attention-devices 12 --expert-devices 4");

        for (String field : List.of("tpot_ms", "tps", "bound_ms", "busy", "mbu", "memory_efficiency")) {
            assertThat(result.path(field).isNumber()).as(field).isTrue();
        }
        assertThat(result.path("strategy").textValue()).isEqualTo("ma");
        assertThat(result.path("layout").textValue()).isEqualTo("ma 12:4");
        assertThat(result.path("source").textValue()).isEqualTo("simulated");
        double sum = 0;
        for (JsonNode share : result.path("critical_path")) {
            sum += share.doubleValue();
        }
        assertThat(sum).isEqualTo(1, within(1e-6));
        assertThat(result.path("ranks")).hasSize(16);
        // The facts' bound for this ratio with top-2 routing, attention replicated.
        assertThat(result.path("tpot_ms").doubleValue()).isGreaterThan(2.40);
        assertThat(result.path("tpot_ms").doubleValue() * result.path("tps").doubleValue())
                .isEqualTo(24_000, within(1e-3));
    }

    @Test
    void expertsPerTokenReplacesTheModels() throws IOException {
        String line = "simulate --strategy ma --attention-devices 12 --expert-devices 4";
        JsonNode one = json(line + " --experts-per-token 1");

        assertThat(one.path("experts_per_token").intValue()).isEqualTo(1);
        assertThat(one.path("tpot_ms").doubleValue())
                .isLessThan(json(line).path("tpot_ms").doubleValue())
                .isGreaterThan(1.96);
    }

    @Test
    void simulateWritesATraceAndTables() throws IOException {
        Path trace = temp.resolve("trace.json");
        CommandLineRun run = CommandLineRun.of("simulate", "-m", "tiny", "--cluster", "a100x2", "--strategy", "ep",
                "--batch", "4", "--trace", trace.toString(), "--slo-tpot-ms", "100");

        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.out()).contains("simulated", "bound of the layout", "bound of the cluster", "kept");
        assertThat(JsonMapper.builder().build().readTree(Files.readString(trace)).path("traceEvents")).isNotEmpty();
        assertThat(CommandLineRun.of("simulate", "-m", "tiny", "--cluster", "a100x1", "--format", "csv").out())
                .startsWith("plan,strategy,layout,").hasLineCount(2);
    }

    @Test
    void planPrintsBestBaselinesAndVerdict() throws IOException {
        JsonNode plan = json("plan --cluster a100x8 --batch 24");

        Set<String> fields = new HashSet<>();
        plan.fieldNames().forEachRemaining(fields::add);
        assertThat(fields).contains("best", "best_ma", "baselines", "verdict", "reason", "source", "regime");
        List<String> baselines = new ArrayList<>();
        plan.path("baselines").forEach(b -> baselines.add(b.path("baseline").textValue()));
        assertThat(baselines).containsExactly("tp", "tp-pp-whole", "tp-pp", "ep", "ep-tp");
        double best = plan.path("best").path("tpot_ms").doubleValue();
        for (JsonNode baseline : plan.path("baselines")) {
            assertThat(baseline.path("tpot_range_ms").path(0).doubleValue()).isPositive()
                    .isLessThan(baseline.path("tpot_ms").doubleValue());
            assertThat(baseline.path("tpot_range_ms").path(1).doubleValue())
                    .isGreaterThan(baseline.path("tpot_ms").doubleValue());
            assertThat(baseline.path("tpot_ms").doubleValue()).isGreaterThanOrEqualTo(best);
            assertThat(baseline.path("source").textValue()).isEqualTo("simulated");
            assertThat(baseline.path("bound_ms").isNumber()).isTrue();
        }
        assertThat(plan.path("best_ma").path("strategy").textValue()).isEqualTo("ma");
        assertThat(plan.path("verdict").textValue()).isEqualTo("separation does not pay");
        assertThat(plan.path("reason").textValue()).contains("max(a/A, e/M) >= (a + e)/(A + M)");
    }

    @Test
    void aTimeLimitIsSaidAndSoIsWhatWasNotTried() throws IOException {
        String line = "plan --cluster a100x16 --batch 1024 --time-limit ";
        JsonNode some = json(line + "0.2");
        assertThat(some.path("time_limit_hit").booleanValue()).isTrue();
        int untried = 0;
        for (JsonNode number : some.path("not_tried")) {
            untried += number.intValue();
        }
        assertThat(untried).isPositive();
        assertThat(some.path("reason").textValue())
                .matches("(So far, with \\d+ of \\d+ layouts not tried, separation|Time ran out before).*");
        assertThat(some.path("best").path("tpot_ms").isNumber()).isTrue();
        assertThat(CommandLineRun.of(CommandLineRun.words(line + "0.2")).out().replaceAll("\\s+", " "))
                .contains("The time limit ended the search", "a better plan may exist")
                .doesNotContain("the others cannot win", "not possible on this cluster");
        JsonNode all = json("plan -m tiny --cluster a100x2 --batch 4 --time-limit 600");
        assertThat(all.path("time_limit_hit").booleanValue()).isFalse();
        assertThat(all.path("reason").textValue()).doesNotContain("So far");
        assertThat(all.path("not_tried").path("changes_complete").booleanValue()).isTrue();
        for (String wrong : List.of("0", "-1", "nan")) {
            assertThat(CommandLineRun.of(CommandLineRun.words(line + wrong)).status()).isEqualTo(2);
        }
    }

    /** A bar is for terminals; in a pipe there is a line now and then. */
    @Test
    void progressInAPipeIsALineNowAndThen() {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream to = new PrintStream(err, true, StandardCharsets.UTF_8);
        try (Progress progress = new Progress(new Terminal(to, to, false, Duration.ZERO), "searching", -1)) {
            progress.at(3, 12);
            progress.doing("verdict");
            progress.step();
        }
        assertThat(err.toString(StandardCharsets.UTF_8)).hasLineCount(2)
                .contains("searching, 25 % (3 of 12) after 0 s", "searching: verdict, 1 done after 0 s");
        err.reset();
        try (Progress progress = new Progress(new Terminal(to, to, false, Duration.ofHours(1)), "searching", -1)) {
            progress.at(3, 12);
        }
        assertThat(err.size()).isZero();
    }

    @Test
    void thePlanFoundRuns() throws IOException {
        Path file = temp.resolve("plan.json");
        JsonNode found = json("plan -m tiny --cluster a100x4 --batch 4 --context 64 -o " + file);

        JsonNode simulated = json("simulate --plan " + file);
        assertThat(simulated.path("tpot_ms")).isEqualTo(found.path("best").path("tpot_ms"));
        assertThat(simulated.path("devices")).isEqualTo(found.path("best").path("devices"));

        String prompts = " --prompt-ids 1,2,3 --prompt-ids 4,5 -n 4";
        JsonNode generated = json("generate --plan " + file + prompts);
        assertThat(generated.path("layout")).isEqualTo(found.path("best").path("layout"));
        JsonNode single = json("generate -m tiny" + prompts);
        for (int i = 0; i < 2; i++) {
            assertThat(generated.path("outputs").get(i).path("token_ids"))
                    .isEqualTo(single.path("outputs").get(i).path("token_ids"));
        }
    }

    @Test
    void tablesSayThatTheyAreSimulatedAndWhatTheBoundsAre() {
        for (String format : List.of("table", "md")) {
            CommandLineRun run = CommandLineRun.of("plan", "-m", "tiny", "--cluster", "a100x2", "--format", format);
            assertThat(run.status()).as(run.err()).isZero();
            assertThat(run.out()).contains("simulated", "bound", "any layout", "best MA Separation", "eparation",
                    "TPOT from", "kernels 10 %", "other assumptions");
            assertThat(run.out().indexOf("The best plan is")).as("the answer first")
                    .isBetween(0, run.out().indexOf("best MA Separation"));
        }
    }
}
