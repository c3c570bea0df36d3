package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.maseparation.parallel.adapt.ChangeRule;
import io.maseparation.parallel.studies.policies.MigrationModel;
import io.maseparation.parallel.studies.policies.PolicyCharts;
import io.maseparation.parallel.studies.policies.PolicyStudy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PoliciesCommandTest {
    private static final String SHORT = "--steps 40 --rebalance-interval 8 ";

    @TempDir
    Path temp;

    private static CommandLineRun run(String line) {
        return CommandLineRun.of(CommandLineRun.words("policies " + line));
    }

    @Test
    void jsonSaysWhatWasComparedAndWhatCameOfIt() throws IOException {
        CommandLineRun run = run(SHORT + "--batch 2048 --routing zipf:1.2 --seed 3 --policy replicas --format json");
        JsonNode tree = JsonMapper.builder().build().readTree(run.out());

        assertThat(run.status()).as(run.err()).isZero();
        assertThat(tree.get("source").asText()).isEqualTo("simulated");
        JsonNode scenario = tree.get("scenarios").get(0);
        assertThat(scenario.get("routing").asText()).isEqualTo("zipf:1.2");
        assertThat(scenario.get("batch").asInt()).isEqualTo(2048);
        assertThat(scenario.get("steps").asInt()).isEqualTo(40);
        assertThat(scenario.get("warmup_steps").asInt()).isEqualTo(16);
        assertThat(scenario.get("redundant_experts").asInt()).isEqualTo(4);
        JsonNode unchanged = scenario.get("policies").get(0);
        JsonNode replicas = scenario.get("policies").get(1);
        assertThat(unchanged.get("policy").asText()).isEqualTo("static");
        assertThat(unchanged.get("changes")).isEmpty();
        assertThat(unchanged.get("tpot_ms").asDouble()).isGreaterThan(unchanged.get("bound_ms").asDouble());
        assertThat(unchanged.get("gap_recovered").asDouble()).isZero();
        assertThat(replicas.get("changes")).hasSize(1);
        assertThat(replicas.get("changes").get(0).get("predicted_gain_ms").isNull()).as("it was ordered").isTrue();
        assertThat(replicas.get("bytes_moved").asLong())
                .isEqualTo(replicas.get("changes").get(0).get("bytes_moved").asLong()).isPositive();
        assertThat(replicas.get("paused_ms").asDouble()).isEqualTo(5);
    }

    @Test
    void theStudyComparesTenTracesAndDrawsThem() throws IOException {
        Path folder = temp.resolve("report");
        CommandLineRun run = run("--steps 6 --rebalance-interval 2 --policy placement --format csv -o " + folder);

        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.out().lines()).hasSize(1 + 10 * 2);
        assertThat(run.out()).startsWith("scenario,policy,tpot_ms,");
        assertThat(run.err()).contains("wrote " + folder.resolve("index.html"));
        List<String> files = new ArrayList<>();
        try (var all = Files.list(folder)) {
            all.forEach(f -> files.add(f.getFileName().toString()));
        }
        assertThat(files)
                .contains("index.html", "policies.csv", "overview-expert-bound.svg", "overview-memory-bound.svg",
                        "expert-bound-drift-1.2-512.svg", "memory-bound-growing-contexts.svg")
                .hasSize(14)
                .containsExactlyInAnyOrderElementsOf(PolicyCharts.files(PolicyStudy.scenarios(new PolicyStudy.Settings(
                        6, 0, ChangeRule.Settings.of(2, 2), new MigrationModel(0.5, 0)))));
        assertThat(Files.readString(folder.resolve("policies.csv"))).isEqualTo(run.out());
        assertThat(Files.readString(folder.resolve("expert-bound-zipf-1.2.svg"))).contains("simulated", "placement");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --policy dynamic,fixed | --policy: there is no 'fixed'; there are static, placement, replicas, dynamic, elastic
            --steps 64 | --steps 64 ends with the warm-up of 64 steps; more are needed
            --copy-share 1 | --copy-share must be above 0 and below 1, is 1.0
            --switch-pause-ms -1 | --switch-pause-ms must be at least 0, is -1.0
            --context 2000 --context-growth 1 | contexts grow to 3983, but seed-gated has 2048 positions
            --attention-devices 8 | the layout ma 8:4 has 12 ranks, but cluster a100x8 has 8 devices
            --expert-devices 12 --attention-devices 4 --cluster h20-l40s | devices of one kind; cluster h20-l40s has
            --spare-slots -1 | --spare-slots must be from 0 to
            --batch many | --batch: 'many' is not a whole number
            --routing drift:1.2 | --routing drift:1.2: the number of steps N of drift:S:N is missing
            --routing drift:1.2:0 | --routing drift:1.2:0: the number of steps must be from 1
            --routing drift:x:5 | --routing drift:x:5: the exponent S of zipf:S or drift:S:N is missing or not a number
            """)
    void whatMakesNoSenseIsSaidInALine(String line, String message) {
        CommandLineRun run = run(line);

        assertThat(run.status()).isEqualTo(2);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains(message).hasLineCount(1);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --batch 65536 --context 2000 | does not fit: rank 0 (attention) needs
            """)
    void whatCannotBeSimulatedIsRefused(String line, String message) {
        CommandLineRun run = run(SHORT + line);

        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains(message).hasLineCount(1);
    }
}
