package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders with a config.json only, as they are published, through the command line. */
class FormatCasesTest {
    private static final double GIB = 1L << 30;
    private static final Path CASES = Path.of("src/test/resources/cases");

    private static CommandLineRun run(String line) {
        return CommandLineRun.of(CommandLineRun.words(line));
    }

    private static JsonNode json(String line) throws IOException {
        CommandLineRun run = run(line + " --format json");
        assertThat(run.status()).as(run.err()).isZero();
        return JsonMapper.builder().build().readTree(run.out());
    }

    private static double weights(JsonNode result) {
        return result.path("ranks").get(0).path("weight_bytes").doubleValue() / GIB;
    }

    @Test
    void aTypeThatIsNotNamedIsAssumedAndSaid() throws IOException {
        String line = "simulate -m " + CASES.resolve("plan-nodtype")
                + " --cluster h200x8 --strategy ep --expert-parallel-size 8";
        JsonNode result = json(line);

        assertThat(result.path("weight_dtype").textValue()).isEqualTo("bf16");
        // An eighth of 1.31 billion weights of each of 32 layers' experts, attention and embeddings whole.
        assertThat(weights(result)).isEqualTo(
                2 * (32 * (3L * 4096 * 14336 + 2L * 4096 * 5120) + 2L * 32000 * 4096) / GIB, within(0.01));
        CommandLineRun process = CommandLineRun.process(List.of(), line.split(" "));
        assertThat(process.err()).contains("plan-nodtype/config.json: names no dtype: bf16 is assumed");
    }

    @Test
    void quantisedWeightsArePlannedAsTheyAre() throws IOException {
        JsonNode plan =
                json("plan -m " + CASES.resolve("plan-quantised") + " --cluster h200x2 --batch 4 --context 1024");

        // About 236 GB, half of them on each device.
        assertThat(weights(plan.path("best"))).isBetween(108.0, 113.0);
        assertThat(plan.path("best").path("kernel_times").textValue()).contains("fp8 by", "at the rate of fp8");
        assertThat(plan.path("best").path("parameters").longValue()).isBetween(234_000_000_000L, 236_000_000_000L);
    }

    @ParameterizedTest
    @CsvSource({
        // Bytes as published: 31.2 GB, 16.9 GB and 24.65 GB.
        "qwen3-30b-fp8, 'fp8, bf16', 31.2", "qwen3-30b-gptq4, 'int4, f16', 16.9", "mixtral-8x7b-awq, 'int4, f16', 24.65"
    })
    void quantisedWeightsHaveThePublishedBytes(String folder, String formats, double gigabytes) throws IOException {
        Path model = CASES.resolve("plan-quantised").resolve(folder);
        JsonNode result = json("simulate -m " + model + " --cluster h200x1");

        assertThat(result.path("weight_dtype").textValue()).isEqualTo(formats);
        assertThat(weights(result) * GIB / 1e9).isEqualTo(gigabytes, within(0.02 * gigabytes));
        for (String command : List.of("generate --prompt-ids 1,2 -m ", "compare -m ", "bench -m ")) {
            CommandLineRun refused = run(command + model);
            assertThat(refused.status()).isNotZero();
            assertThat(refused.err()).contains("quantization_config", "is not supported").doesNotContain("Exception");
        }
    }

    @Test
    void rotaryScalingDoesNotStopAPlan() throws IOException {
        String line = "simulate -m " + CASES.resolve("plan-yarn") + " --cluster h200x8 --strategy ep"
                + " --expert-parallel-size 8 --batch 16 --context ";
        assertThat(json(line + 4096).path("tpot_ms").doubleValue()).isPositive();
        // Four times 32768 positions.
        assertThat(json(line + 131072).path("tpot_ms").doubleValue()).isPositive();
        assertThat(run(line + 131073).err()).contains("131072 positions");
    }

    @ParameterizedTest
    @CsvSource({"f32, 4", "bf16, 2", "fp8, 1.0001", "int8, 1", "int4, 0.5195"})
    void formatsOfWeightsAndCacheAreFlags(String format, double bytes) throws IOException {
        JsonNode result = json("simulate -m mixtral-8x7b --cluster h200x4 --strategy tp-pp --tensor-parallel-size 4"
                + " --weight-dtype " + format + " --kv-dtype " + format);

        assertThat(result.path("kv_dtype").textValue()).isEqualTo(format);
        assertThat(result.path("weight_dtype").textValue()).startsWith(format);
        assertThat(result.path("ranks").get(0).path("kv_bytes").doubleValue())
                .isEqualTo(24 * 2048 * 32 * 2 * 8 / 4 * 128 * bytes, within(3e6));
        assertThat(weights(result) * GIB).isEqualTo(bytes * (32 * (8 * 3L * 4096 * 14336 + 2L * 4096 * 5120) / 4.0),
                within(4 * 2e8 * 2));
    }

    @ParameterizedTest
    @ValueSource(strings = {"deepseek-v3", "gpt-oss-120b"})
    void familiesForPlanningSayThatTheyDoNotRun(String preset) throws IOException {
        JsonNode result = json("simulate -m " + preset + " --cluster h200x8 --strategy ep --expert-parallel-size 8");
        assertThat(result.path("active_parameters").longValue()).isLessThan(result.path("parameters").longValue() / 10);
        assertThat(run("generate --prompt-ids 1,2 -m " + preset).err()).contains(preset, "for planning");
    }

    @Test
    void reproductionTakesFormats() {
        assertThat(run("reproduce --weight-dtype fp9").err()).contains("there is no 'fp9'", "did you mean fp8");
        assertThat(run("generate -m tiny --prompt-ids 1 --weight-dtype fp8").err()).contains("unknown option");
    }
}
