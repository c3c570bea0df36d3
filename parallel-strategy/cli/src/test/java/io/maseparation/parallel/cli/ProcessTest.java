package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.moe.testing.Golden;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line as a user's process: exit status, and what goes where. */
class ProcessTest {
    private static final List<String> JVM =
            List.of("--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED");

    @TempDir
    Path temp;

    @Test
    void resultsGoToStandardOutputOnly() throws IOException {
        Golden golden = Golden.copy("mixtral/f32", temp);
        String prompt = Arrays.stream(golden.prompts().getFirst())
                .mapToObj(String::valueOf)
                .collect(Collectors.joining(","));
        CommandLineRun run = CommandLineRun.process(
                JVM, "generate", "-m", golden.folder().toString(), "--prompt-ids", prompt, "--ignore-eos", "-n", "32",
                "--strategy", "ma", "--attention-devices", "1", "--expert-devices", "2", "--format", "json");

        assertThat(run.err()).isEmpty();
        assertThat(run.status()).isZero();
        JsonNode tokens = new ObjectMapper().readTree(run.out()).at("/outputs/0/token_ids");
        assertThat(tokens.toString())
                .isEqualTo(Arrays.toString(golden.greedy().getFirst()).replace(" ", ""));
    }

    @Test
    void aMistakeInTheCommandLineEndsWithStatusTwo() {
        CommandLineRun run = CommandLineRun.process(JVM, "generate", "-m", "tiny", "--prompt-ids", "one");

        assertThat(run.status()).isEqualTo(2);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).isEqualTo("ma: --prompt-ids: 'one' is not a token id\n");
    }

    @Test
    void anyOtherFailureEndsWithStatusOne() {
        CommandLineRun run = CommandLineRun.process(JVM, "generate", "-m", "tiny", "--prompt-ids", "1", "-n", "9999");

        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).startsWith("ma: ").contains("--max-tokens").hasLineCount(1);
    }

    @Test
    void tooLittleMemoryNamesTheFlag() {
        CommandLineRun run = CommandLineRun.process(
                List.of("--add-modules", "jdk.incubator.vector", "-XX:MaxDirectMemorySize=4m"),
                "generate", "-m", "small", "--prompt-ids", "1");

        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err()).startsWith("ma: not enough memory").contains("--model").hasLineCount(1);
    }

    @Test
    void withoutTheVectorApiThePortableBodiesRun() {
        CommandLineRun with =
                CommandLineRun.process(JVM, "generate", "-m", "tiny", "--prompt-ids", "7", "--format", "csv");
        CommandLineRun without =
                CommandLineRun.process(List.of(), "generate", "-m", "tiny", "--prompt-ids", "7", "--format", "csv");

        assertThat(without.status()).as(without.err()).isZero();
        assertThat(without.out()).isEqualTo(with.out());
        assertThat(CommandLineRun.process(List.of(), "generate", "-m", "tiny", "--prompt-ids", "7", "--body", "host")
                .err())
                .contains("--add-modules jdk.incubator.vector");
    }
}
