package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.moe.testing.Golden;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The command line gives Hugging Face's tokens and logits on every layout. */
class GoldenTest {
    @TempDir
    Path temp;

    /** Every ratio and number of micro-batches is the executor's test; here, that options arrive. */
    static Stream<String> layouts() {
        return Stream.of(
                "mixtral/f32 --strategy single",
                "mixtral/f32 --strategy tp-pp --tensor-parallel-size 2 --pipeline-parallel-size 2 --micro-batches 2",
                "mixtral/f32 --strategy ep --expert-parallel-size 3 --micro-batches 2 --schedule barrier",
                "mixtral/f32 --strategy ma --attention-devices 3 --expert-devices 1 --micro-batches 2",
                "mixtral/f32 --strategy ma --attention-devices 2 --expert-devices 3 --micro-batches 3 --prefill-chunk 5",
                "mixtral/f32 --strategy ma --attention-devices 2 --expert-devices 3 --combine sums --micro-batches 2",
                "olmoe/f32 --strategy ep --expert-parallel-size 3 --combine sums",
                "olmoe/f32 --strategy ma --attention-devices 2 --expert-devices 4 --dispatch node --gpus-per-node 2",
                "mixtral/f32 --strategy ep --expert-parallel-size 4 --dispatch node --gpus-per-node 2",
                "mixtral/f32 --strategy ma --attention-devices 1 --expert-devices 4 --dispatch node --gpus-per-node 3"
                        + " --combine sums --micro-batches 2",
                "mixtral/bf16 --strategy ma --attention-devices 1 --expert-devices 3",
                "mixtral/bf16 --strategy ep",
                "olmoe/f32 --strategy tp-pp",
                "olmoe/f32 --strategy ma --body portable");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void tokensAndLogitsAreThoseOfTransformers(String layout) throws IOException {
        int space = layout.indexOf(' ');
        Golden golden = Golden.copy(layout.substring(0, space), temp);
        List<String> args = new ArrayList<>(List.of("generate", "-m", golden.folder().toString(), "--ignore-eos"));
        args.addAll(List.of("-n", "32", "--logits", "--format", "json"));
        for (int[] prompt : golden.prompts()) {
            args.add("--prompt-ids");
            args.add(Arrays.stream(prompt).mapToObj(String::valueOf).collect(Collectors.joining(",")));
        }
        args.addAll(List.of(CommandLineRun.words(layout.substring(space + 1))));

        CommandLineRun run = CommandLineRun.of(args.toArray(String[]::new));

        assertThat(run.err()).isEmpty();
        assertThat(run.status()).isZero();
        JsonNode json = new ObjectMapper().readTree(run.out());
        assertThat(json.get("outputs")).hasSize(golden.prompts().size());
        for (int i = 0; i < golden.prompts().size(); i++) {
            JsonNode output = json.get("outputs").get(i);
            assertThat(ints(output.get("prompt_ids"))).isEqualTo(golden.prompts().get(i));
            assertThat(ints(output.get("token_ids"))).as("sequence %d", i).isEqualTo(golden.greedy().get(i));
            double[] expected = golden.lastLogits().get(i);
            assertThat(output.get("prompt_logits")).hasSize(expected.length);
            for (int j = 0; j < expected.length; j++) {
                assertThat(output.get("prompt_logits").get(j).doubleValue())
                        .as("logit %d of sequence %d", j, i)
                        .isCloseTo(expected[j], org.assertj.core.data.Offset.offset(Golden.TOLERANCE));
            }
        }
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }
}
