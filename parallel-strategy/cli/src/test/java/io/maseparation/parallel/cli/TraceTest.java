package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code --trace} writes. */
class TraceTest {
    @TempDir
    Path temp;

    private static List<JsonNode> events(Path file) throws IOException {
        JsonNode json = new ObjectMapper().readTree(file.toFile());
        return StreamSupport.stream(json.get("traceEvents").spliterator(), false).toList();
    }

    private static List<String> named(List<JsonNode> events, String what) {
        return events.stream()
                .filter(e -> e.get("name").textValue().equals(what))
                .map(e -> e.at("/args/name").textValue())
                .toList();
    }

    @Test
    void generateWritesItsRun() throws IOException {
        Path file = temp.resolve("a trace.json");
        CommandLineRun run =
                CommandLineRun.of("generate", "-m", "tiny", "--prompt-ids", "1,2", "--prompt-ids", "3", "-n",
                        "3", "--strategy", "ma", "--attention-devices", "2", "--micro-batches", "2", "--trace",
                        file.toString());

        assertThat(run.err()).isEmpty();
        assertThat(run.status()).isZero();
        List<JsonNode> events = events(file);
        assertThat(named(events, "process_name")).containsExactly("ma 2:1, 2 micro-batches, measured");
        assertThat(named(events, "thread_name"))
                .contains("rank 0 attention: compute", "rank 2 expert: compute", "rank 2 expert: transfers");
        assertThat(events.stream().map(e -> e.at("/args/phase").asText()).distinct().toList())
                .contains("prefill", "decode");
        assertThat(temp.toFile().list()).containsExactly("a trace.json");
    }

    @Test
    void compareWritesARunForEachStrategy() throws IOException {
        Path file = temp.resolve("trace.json");
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words(
                "compare -m tiny --batch 2 --prompt-tokens 3 --devices 2 -n 2 -r 1 --trace " + file));

        assertThat(run.status()).isZero();
        assertThat(named(events(file), "process_name")).hasSizeGreaterThanOrEqualTo(4)
                .first().asString().startsWith("single");
    }

    @Test
    void aPlaceThatCannotBeWrittenIsNamed() throws IOException {
        String line = "generate -m tiny --prompt-ids 1 -n 1 --trace ";
        CommandLineRun folder = CommandLineRun.of(CommandLineRun.words(line + temp));
        Path file = Files.writeString(temp.resolve("file"), "kept");
        CommandLineRun below = CommandLineRun.of(CommandLineRun.words(line + file.resolve("trace.json")));

        assertThat(folder.status()).isEqualTo(2);
        assertThat(folder.err()).contains("--trace: " + temp + " is a folder");
        assertThat(below.status()).isEqualTo(1);
        assertThat(below.err()).contains(file.resolve("trace.json") + " cannot be written");
        assertThat(Files.readString(file)).isEqualTo("kept");
    }
}
