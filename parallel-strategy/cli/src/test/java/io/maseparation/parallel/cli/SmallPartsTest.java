package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.moe.Presets;
import io.maseparation.parallel.compare.ComparedLayouts;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Planning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SmallPartsTest {
    @ParameterizedTest
    @CsvSource({
        "8GB, 8000000000",
        "8GiB, 8589934592",
        "8G, 8589934592",
        "1.5 MiB, 1572864",
        "512mb, 512000000",
        "1024, 1024",
        "1kib, 1024"
    })
    void sizesAreReadAsPeopleWriteThem(String text, long bytes) {
        assertThat(Sizes.bytes("--device-memory", text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "GB", "-1GB", "0", "1XB", "1e9", "99999999TB", "1,5GB"})
    void whatIsNoSizeIsRefused(String text) {
        assertThatThrownBy(() -> Sizes.bytes("--device-memory", text))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--device-memory");
    }

    @Test
    void suggestionsAreCloseOrNone() {
        List<String> names = List.of("generate", "compare", "bench", "devices");

        assertThat(Suggestions.closest("genrate", names)).contains("generate");
        assertThat(Suggestions.closest("comp", names)).contains("compare");
        assertThat(Suggestions.closest("device", names)).contains("devices");
        assertThat(Suggestions.closest("xyzzy", names)).isEmpty();
        assertThat(Suggestions.distance("ab", "ba")).isEqualTo(1);
        assertThat(Suggestions.distance("kitten", "sitting")).isEqualTo(3);
        assertThat(Suggestions.distance("", "abc")).isEqualTo(3);
    }

    @Test
    void layoutsAdaptToTheModel() {
        assertThat(ComparedLayouts.of(Presets.config("tiny"), 4, 2))
                .containsExactly(
                        Layout.single().withMicroBatches(1),
                        Layout.tensorPipeline(2, 2).withMicroBatches(2),
                        Layout.expertParallel(4).withMicroBatches(1),
                        Layout.separated(3, 1).withMicroBatches(2),
                        Layout.separated(2, 2).withMicroBatches(2));
        // Two devices leave one ratio; three do not divide four heads; no more expert ranks than experts.
        assertThat(ComparedLayouts.of(Presets.config("tiny"), 2, 1))
                .containsExactly(
                        Layout.single().withMicroBatches(1),
                        Layout.tensorPipeline(2, 1).withMicroBatches(1),
                        Layout.expertParallel(2).withMicroBatches(1),
                        Layout.separated(1, 1).withMicroBatches(1));
        assertThat(ComparedLayouts.of(Presets.config("tiny"), 3, 1))
                .contains(Layout.tensorPipeline(1, 3).withMicroBatches(1));
        assertThat(ComparedLayouts.of(Presets.config("tiny"), 32, 1))
                .contains(Layout.expertParallel(8).withMicroBatches(1), Layout.separated(24, 8).withMicroBatches(1));
    }

    @Test
    void parametersAreOptionsInMessages() {
        assertThat(FlagNames.translate("'expert_replicas' 2 does not divide 'expert_devices' 3: raise 'batch'"))
                .isEqualTo("--expert-replicas 2 does not divide --expert-devices 3: raise --batch");
        assertThat(FlagNames.translate("'no_such_thing' of 'it's', expert_devices and \"batch\" $1"))
                .isEqualTo("'no_such_thing' of 'it's', expert_devices and \"batch\" $1");
        assertThat(FlagNames.translate("'depth' must be 0 or more")).isEqualTo("--n-depth must be 0 or more");
        CommandLineRun run = CommandLineRun.of(
                "simulate", "-m", "tiny", "--strategy", "ma", "--attention-devices", "3", "--expert-devices", "1",
                "--attention-tensor-parallel-size", "2");
        assertThat(run.err()).isEqualTo(
                "ma: --attention-tensor-parallel-size 2 does not divide --attention-devices 3"
                        + System.lineSeparator());
    }

    @Test
    void fieldsOfAFileAreNoOptionsInMessages(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("plan.json");
        PlanFile.of(Planning.plan(Presets.config("tiny"), Layout.separated(2, 1))).write(file);
        String good = Files.readString(file);
        Files.writeString(file, good.replaceFirst("(attention_tensor_parallel_size\"\\s*:\\s*)1", "$1" + 3));
        assertThat(CommandLineRun.of("simulate", "--plan", file.toString()).err())
                .contains("plan.json: layout: strategy ma: attention_tensor_parallel_size 3")
                .doesNotContain("--");
        Files.writeString(file, good.replaceFirst("\"attention_devices\"", "\"expert_devices\": 1, $0"));
        assertThat(CommandLineRun.of("simulate", "--plan", file.toString()).err())
                .contains("not valid JSON: Duplicate field \"expert_devices\"");
    }

    @Test
    void onlyOptionsThatTheCommandTakesAreInMessages(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("plan.json");
        PlanFile.of(Planning.plan(Presets.config("tiny"), Layout.expertParallel(2))).write(file);
        Files.writeString(file, Files.readString(file)
                .replaceFirst("(expert_parallel_size\"\\s*:\\s*)2", "$1" + 16)
                .replaceFirst("(\"devices\"\\s*:\\s*)\\[[^]]*]", "$1[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]"));
        assertThat(CommandLineRun.of("generate", "--plan", file.toString(), "-m", "tiny", "--prompt-ids", "1").err())
                .contains("'expert_parallel_size' 16 is more than the 8 experts")
                .doesNotContain("--expert-parallel-size");
        assertThat(CommandLineRun.of("compare", "-m", "tiny", "--device-memory", "1").err())
                .doesNotContain("--strategy", "--expert-devices");
    }

    @Test
    void wordsOfTheUserAreNoOptionsInMessages() {
        assertThat(FlagNames.translate("'batch' is not known here; raise 'batch', or 'context' must be at least 1"))
                .isEqualTo("'batch' is not known here; raise --batch, or --context must be at least 1");
        assertThat(CommandLineRun.of("simulate", "-m", "batch").err()).startsWith("ma: model 'batch' is neither");
        assertThat(CommandLineRun.of("simulate", "--cluster", "seed").err())
                .startsWith("ma: cluster 'seed' is neither");
        assertThat(CommandLineRun.of("simulate", "--routing", "steps").err())
                .startsWith("ma: --routing: 'steps' is neither");
        assertThat(CommandLineRun.of("generate", "-m", "model", "--prompt-ids", "1").err())
                .startsWith("ma: model 'model' is neither");
    }

    @Test
    void messagesStayOnOneLine() {
        assertThat(Main.oneLine(" a\n  b\r\nc\td ")).isEqualTo("a b c?d");
        assertThat(Main.oneLine("\u001b[31mno \u001b[0mdevice\nStacktrace: [a,\n b]")).isEqualTo("no device");
    }
}
