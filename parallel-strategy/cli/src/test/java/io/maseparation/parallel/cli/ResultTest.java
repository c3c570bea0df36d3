package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Schedule;
import io.maseparation.parallel.layout.Setup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What commands print when they succeed. */
class ResultTest {
    private static final String[] METRICS = {
        "tpot_ms", "tpot_p50_ms", "tpot_p90_ms", "tpot_p99_ms", "tpot_without_lm_head_ms", "tps", "ttft_ms", "wall_ms",
        "busy_attention", "busy_expert", "memory_efficiency", "imbalance"
    };

    @TempDir
    Path temp;

    private static JsonNode json(String line) throws IOException {
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words(line));
        assertThat(run.err()).isEmpty();
        assertThat(run.status()).isZero();
        return new ObjectMapper().readTree(run.out());
    }

    @Test
    void generateRunsAPlanFileAsTheSameOptions() throws IOException {
        Path file = temp.resolve("plan.json");
        Setup setup = Layout.separated(4, 2)
                .withAttentionTensorParallel(2)
                .withMicroBatches(2)
                .withSchedule(Schedule.BARRIER);
        PlanFile.of(Planning.plan(Presets.config("tiny"), setup)).write(file);
        String work = " --prompt-ids 1,2,3 --prompt-ids 4 --prompt-ids 5 -n 5 --format json";
        JsonNode planned = json("generate --plan " + file + work);
        JsonNode asked = json("generate -m tiny --strategy ma --attention-devices 4 --expert-devices 2"
                + " --attention-tensor-parallel-size 2 --micro-batches 2 --schedule barrier" + work);

        assertThat(planned.get("layout").textValue()).isEqualTo("ma 4:2, attention tp 2");
        assertThat(planned.get("schedule").textValue()).isEqualTo("barrier");
        assertThat(planned.get("outputs")).isEqualTo(asked.get("outputs"));
        for (int rank = 0; rank < 6; rank++) {
            assertThat(planned.get("ranks").get(rank).get("bytes_sent"))
                    .isEqualTo(asked.get("ranks").get(rank).get("bytes_sent"));
        }
    }

    @Test
    void aPlanForAnotherModelIsRefusedInOneLine() {
        Path file = temp.resolve("plan.json");
        PlanFile.of(Planning.plan(Presets.config("seed"), Layout.single())).write(file);
        CommandLineRun run =
                CommandLineRun.of("generate", "-m", "tiny", "--plan", file.toString(), "--prompt-ids", "1");

        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err().lines()).singleElement().asString()
                .startsWith("ma: " + file + ": the plan is for model seed (");
    }

    @Test
    void generateSaysWhichChangesOfLayoutItMade() throws IOException {
        String work = " -m tiny --prompt-ids 1,2,3 --prompt-ids 4 --prompt-ids 5,6 -n 24 --format json";
        Path file = temp.resolve("plan.json");
        PlanFile.of(Planning.plan(Presets.config("tiny"), Layout.separated(1, 3))).write(file);
        JsonNode single = json("generate" + work);
        JsonNode ma = json("generate --strategy ma --attention-devices 2 --expert-devices 2 --change-at 4=1:3"
                + " --change-at 8=3:1 --change-at 10=experts --change-at 12=sequences --change-at 15=" + file + work);

        assertThat(single.get("changes")).isEmpty();
        assertThat(ma.get("outputs")).isEqualTo(single.get("outputs"));
        assertThat(ma.get("layout").textValue()).isEqualTo("ma 1:3");
        assertThat(ma.get("changes")).hasSize(5).allSatisfy(change -> {
            assertThat(names(change)).containsExactly("step", "kind", "from", "to", "predicted_gain_ms", "bytes_moved",
                    "prepared_ms", "paused_ms", "outcome");
            assertThat(change.get("outcome").textValue()).isEqualTo("switched");
            assertThat(change.get("paused_ms").doubleValue()).isPositive();
        });
        assertThat(ma.get("changes").findValuesAsText("step")).containsExactly("4", "8", "10", "12", "15");
        assertThat(ma.get("changes").findValuesAsText("kind"))
                .containsExactly("ratio", "ratio", "experts", "sequences", "ratio");
        assertThat(ma.get("changes").findValuesAsText("to")).containsExactly("ma 1:3", "ma 3:1", "ma 3:1", "ma 3:1",
                "ma 1:3");
        assertThat(ma.get("changes").get(0).get("bytes_moved").longValue()).isPositive();
    }

    @Test
    void aChangeThatIsRefusedIsSaidAndTheRunGoesOn() throws IOException {
        String work = " -m tiny --prompt-ids 1,2,3 --prompt-ids 4 -n 12 --format json";
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words("generate --strategy ma --attention-devices 2"
                + " --expert-devices 1 --change-at 4=2:2 --change-at 6=1:2 --change-at 99=2:1" + work));

        assertThat(run.status()).isZero();
        assertThat(run.err().lines()).containsExactly(
                "ma: step 4: ratio from ma 2:1 to ma 2:2: refused: a run on ma 2:1 cannot go on with ma 2:2: only devices may turn"
                        + " from attention to experts and back",
                "ma: step 99: not reached: the run ended after 11 decode steps");
        JsonNode result = new ObjectMapper().readTree(run.out());
        assertThat(result.get("outputs")).isEqualTo(json("generate" + work).get("outputs"));
        assertThat(result.get("layout").textValue()).isEqualTo("ma 1:2");
        assertThat(result.get("changes").get(2).get("outcome").textValue()).startsWith("not reached");
    }

    @Test
    void aRunThatMayChangeItsLayoutGivesTheTokensOfOneThatDoesNot() throws IOException {
        String work = " -m tiny --prompt-ids 1,2,3 --prompt-ids 4 --prompt-ids 5,6 -n 40 --format json";
        JsonNode ma = json("generate --strategy ma --attention-devices 2 --expert-devices 2 --micro-batches 2"
                + " --rebalance --elastic --rebalance-interval 5 --rebalance-horizon 100 --cluster h200x4" + work);

        assertThat(ma.get("outputs")).isEqualTo(json("generate" + work).get("outputs"));
    }

    private static List<String> names(JsonNode object) {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test
    void generatePrintsRanksOutputsAndMetrics() throws IOException {
        JsonNode json =
                json("generate -m tiny --prompt-ids 1,2,3 --prompt-ids 4 -n 5 --strategy ma --attention-devices 2"
                        + " --micro-batches 2 --format json");

        assertThat(json.get("strategy").textValue()).isEqualTo("ma");
        assertThat(json.get("layout").textValue()).isEqualTo("ma 2:1");
        assertThat(json.get("backend").textValue()).isEqualTo("embedded");
        assertThat(json.get("ranks")).hasSize(3);
        for (JsonNode rank : json.get("ranks")) {
            assertThat(names(rank)).contains("rank", "role", "weight_bytes", "kv_bytes", "bytes_sent", "busy_ms");
            boolean expert = rank.get("role").textValue().equals("expert");
            assertThat(rank.get("kv_bytes").longValue() == 0).isEqualTo(expert);
            assertThat(rank.get("bytes_sent").longValue()).isPositive();
        }
        assertThat(json.get("outputs")).hasSize(2);
        assertThat(json.at("/outputs/0/token_ids")).hasSize(5);
        assertThat(names(json.at("/outputs/0"))).containsExactly("prompt_ids", "token_ids");
        assertThat(names(json.get("metrics"))).contains(METRICS);
        double tpot = json.at("/metrics/tpot_ms").doubleValue();
        assertThat(json.at("/metrics/tpot_without_lm_head_ms").doubleValue()).isBetween(0.0, tpot);
    }

    @Test
    void whatHasNoValueIsNull() throws IOException {
        JsonNode json = json("generate -m tiny --prompt-ids 1,2,3 -n 1 --format json");

        assertThat(json.at("/metrics/tpot_ms").isNull()).isTrue();
        assertThat(json.at("/metrics/tpot_without_lm_head_ms").isNull()).isTrue();
        assertThat(json.at("/metrics/ttft_ms").doubleValue()).isPositive();
    }

    @Test
    void samplingIsRepeatableAndLayoutsAgree() throws IOException {
        String sampling = " -m tiny --prompt-ids 5,6 -n 8 --temperature 1.5 --top-p 0.95 --seed 3 --format json";
        JsonNode one = json("generate" + sampling).get("outputs");

        assertThat(json("generate" + sampling).get("outputs")).isEqualTo(one);
        assertThat(json("generate --strategy ep --expert-parallel-size 3" + sampling).get("outputs")).isEqualTo(one);
        assertThat(json("generate" + sampling.replace("--seed 3", "--seed 4")).get("outputs")).isNotEqualTo(one);
    }

    @Test
    void theModelSeedChangesTheWeights() throws IOException {
        String line = "generate -m tiny --prompt-ids 5,6 -n 8 --format json --model-seed ";

        assertThat(json(line + 1).get("outputs")).isNotEqualTo(json(line + 2).get("outputs"));
    }

    @Test
    void promptsComeFromAFileToo() throws IOException {
        Path file = Files.writeString(temp.resolve("prompts"), "1,2,3\n\n4 5\n");
        JsonNode json = json("generate -m tiny -n 2 --format json --prompt-ids 9 --prompt-ids @" + file);

        assertThat(json.at("/outputs/0/prompt_ids").toString()).isEqualTo("[9]");
        assertThat(json.at("/outputs/1/prompt_ids").toString()).isEqualTo("[1,2,3]");
        assertThat(json.at("/outputs/2/prompt_ids").toString()).isEqualTo("[4,5]");
    }

    @Test
    void generateHasTablesForPeople() {
        String line = "generate -m tiny --prompt-ids 1,2,3 -n 3 --logits --strategy ep --format ";
        CommandLineRun table = CommandLineRun.of(CommandLineRun.words(line + "table"));
        CommandLineRun csv = CommandLineRun.of(CommandLineRun.words(line + "csv"));
        CommandLineRun md = CommandLineRun.of(CommandLineRun.words(line + "md"));

        assertThat(table.out())
                .matches("(?s)sequence 0, 3 prompt tokens:\\n\\d+ \\d+ \\d+\\n\\(3 generated\\)\\n.*")
                .contains("largest prompt logits: ", "TPOT without LM head", "not of 2 devices");
        assertThat(csv.out().lines().toList()).hasSize(2);
        assertThat(csv.out()).startsWith("sequence,prompt_ids,token_ids,prompt_logits\n0,1 2 3,");
        assertThat(md.out()).contains("| rank | role |", "| ---: | ");
    }

    @Test
    void compareFindsTheSameTokensEverywhere() throws IOException {
        JsonNode json = json("compare -m tiny --batch 4 --prompt-tokens 5 -n 4 -r 2 --format json");

        assertThat(json.get("tokens_equal").booleanValue()).isTrue();
        assertThat(json.at("/peak/bytes_per_second").doubleValue()).isGreaterThan(1e8);
        assertThat(json.at("/peak/flops_per_second").doubleValue()).isGreaterThan(1e8);
        List<String> layouts = new ArrayList<>();
        for (JsonNode row : json.get("strategies")) {
            layouts.add(row.get("layout").textValue());
            assertThat(names(row)).contains("mbu", "mfu", "strong_scaling_efficiency", "held_bytes", "bytes_sent");
            assertThat(row.get("tokens_equal").booleanValue()).isTrue();
        }
        assertThat(layouts).containsExactly("single", "tp 2 x pp 2", "ep 4", "ma 3:1", "ma 2:2");
        assertThat(json.get("token_ids")).hasSize(4);
    }

    @Test
    void compareShowsWhatDoesNotFit() {
        CommandLineRun run = CommandLineRun.of(
                CommandLineRun.words("compare -m tiny --batch 2 -n 2 -r 1 --device-memory 1.5MB"));

        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.out()).contains("refused", "single cannot run: rank 0 (both) needs 2");
    }

    @Test
    void benchFollowsLlamaBench() throws IOException {
        CommandLineRun md = CommandLineRun.of(CommandLineRun.words("bench -m tiny -p 8,16 -n 4 -r 2"));
        assertThat(md.status()).as(md.err()).isZero();
        assertThat(md.out()).contains(" pp8 |", " pp16 |", " tg4 |", " ± ");

        JsonNode json = json("bench -m tiny -p 0 -n 4 -b 8 -r 3 --sequences 2 -o json --strategy ma");
        assertThat(json).hasSize(1);
        JsonNode row = json.get(0);
        assertThat(row.get("samples_ns")).hasSize(3);
        assertThat(row.get("n_prompt").intValue()).isZero();
        assertThat(row.get("n_gen").intValue()).isEqualTo(4);
        assertThat(row.get("n_batch").intValue()).isEqualTo(8);
        double mean = 0;
        for (JsonNode rate : row.get("samples_ts")) {
            mean += rate.doubleValue() / 3;
        }
        assertThat(row.get("avg_ts").doubleValue()).isCloseTo(mean,
                org.assertj.core.data.Percentage.withPercentage(0.01));
    }

    @Test
    void devicesSayWhichBodyAndWhy() throws IOException {
        JsonNode json = json("devices --format json --body portable");

        assertThat(json.get("cores").intValue()).isPositive();
        assertThat(json.at("/devices/0/backend").textValue()).isEqualTo("embedded");
        for (JsonNode row : json.get("bodies")) {
            assertThat(row.get("body").textValue()).isEqualTo("portable");
            assertThat(row.get("reason").textValue()).isEqualTo("asked for");
        }
    }

    @Test
    void theVersionIsOneLine() {
        assertThat(CommandLineRun.of("--version").out()).startsWith("ma ").contains("Java 25").hasLineCount(1);
    }
}
