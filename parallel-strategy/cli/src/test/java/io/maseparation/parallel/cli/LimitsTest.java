package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code -n} of {@code generate}: one number for all prompts, or one for each. */
class LimitsTest {
    private static final String THREE =
            "generate -m tiny --ignore-eos --prompt-ids 1,2,3 --prompt-ids 4 --prompt-ids 5,6 ";

    private static List<JsonNode> tokens(String line) throws IOException {
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words(line + " --format json"));
        assertThat(run.err()).isEmpty();
        assertThat(run.status()).isZero();
        List<JsonNode> tokens = new ArrayList<>();
        new ObjectMapper().readTree(run.out()).get("outputs").forEach(output -> tokens.add(output.get("token_ids")));
        return tokens;
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "--strategy single", "--strategy tp-pp --tensor-parallel-size 2 --micro-batches 2",
        "--strategy ep --expert-parallel-size 2",
        "--strategy ma --attention-devices 2 --expert-devices 2 --micro-batches 2 --change-at 3=1:3"})
    void eachPromptHasItsOwn(String strategy) throws IOException {
        List<JsonNode> all = tokens(THREE + strategy + " -n 9");
        List<JsonNode> own = tokens(THREE + strategy + " -n 2,9,1");
        assertThat(own).extracting(JsonNode::size).containsExactly(2, 9, 1);
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < own.get(i).size(); j++) {
                assertThat(own.get(i).get(j)).isEqualTo(all.get(i).get(j));
            }
        }
    }

    @Test
    void peopleReadHowManyEachHas() {
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words(THREE + "-n 2,9,1"));
        assertThat(run.out()).containsSubsequence("(2 generated)", "(9 generated)", "(1 generated)");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "2,3 | --max-tokens has 2 numbers for 3 prompts: give one for each, or one for all",
        "2,3,0 | --max-tokens must be at least 1, is 0", "2,,3 | --max-tokens: '' is not a whole number"})
    void otherNumbersAreRefused(String numbers, String message) {
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words(THREE + "-n " + numbers));
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err()).isEqualTo("ma: " + message + "\n");
        assertThat(run.out()).isEmpty();
    }
}
