package io.maseparation.parallel.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.moe.testing.Golden;
import io.maseparation.moe.testing.TestCheckpoint;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Text in and out: chat templates, stop strings, prompts from files, and sampling as a checkpoint wants it. */
class TextTest {
    @TempDir
    Path temp;

    /** A checkpoint with a tokenizer of six words and a chat template. */
    static Path checkpoint(Path temp) throws IOException {
        Path folder = Golden.copy("mixtral/f32", temp).folder();
        try (InputStream in = TextTest.class.getResourceAsStream("/tokenizer/tokenizer.json")) {
            Files.write(folder.resolve("tokenizer.json"), in.readAllBytes());
        }
        Files.writeString(folder.resolve("tokenizer_config.json"),
                """
                        {"bos_token": "<s>", "chat_template":
                         "{% for m in messages %}{{ 'apart' if m.role == 'system' else 'experts' }} {{ m.content }} {% endfor %}and"}
                        """);
        return folder;
    }

    private static CommandLineRun generate(Path folder, String line) {
        return CommandLineRun.of(CommandLineRun.words("generate -m " + folder + " -n 6 --ignore-eos " + line));
    }

    private static JsonNode output(CommandLineRun run) throws IOException {
        assertThat(run.status()).as(run.err()).isZero();
        return new ObjectMapper().readTree(run.out()).get("outputs").get(0);
    }

    private static String promptIds(CommandLineRun run) throws IOException {
        return output(run).get("prompt_ids").toString();
    }

    @Test
    void theTokenizersLibraryTellsNobodyWhereItRuns() throws IOException {
        generate(checkpoint(temp), "-p attention");
        assertThat(System.getProperty("OPT_OUT_TRACKING")).isEqualTo("true");
    }

    @Test
    void textGoesThroughTheChatTemplateOnceAskedTo() throws IOException {
        Path folder = checkpoint(temp);
        assertThat(promptIds(generate(folder, "-p attention --format json"))).isEqualTo("[1,2]");
        assertThat(promptIds(generate(folder, "-p attention --chat --format json"))).isEqualTo("[4,2,3]");
        assertThat(promptIds(generate(folder, "-p attention --chat --system attention --format json")))
                .isEqualTo("[5,2,4,2,3]");
        Files.delete(folder.resolve("tokenizer_config.json"));
        CommandLineRun none = generate(folder, "-p attention --chat");
        assertThat(none.status()).isOne();
        assertThat(none.err()).contains("has no chat template").hasLineCount(1);
    }

    @Test
    void promptsComeFromFilesAndStandardInput() throws IOException {
        Path folder = checkpoint(temp);
        Path file = Files.writeString(temp.resolve("prompt.txt"), "experts\napart\n");
        assertThat(promptIds(generate(folder, "--prompt-file " + file + " --format json"))).isEqualTo("[1,4,5]");
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream("and apart\n".getBytes(UTF_8)));
        try {
            assertThat(promptIds(generate(folder, "--prompt-file - --format json"))).isEqualTo("[1,3,5]");
        } finally {
            System.setIn(before);
        }
        Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, 1});
        assertThat(generate(folder, "--prompt-file " + file).err()).contains("is not text in UTF-8")
                .doesNotContain("character 0");
        Files.writeString(file, "and\0apart");
        assertThat(generate(folder, "--prompt-file " + file).err()).contains(file + ": it is not text in UTF-8",
                "the character 0");
        assertThat(generate(folder, "--prompt-file " + temp.resolve("none")).err()).contains("no such file");
    }

    /** And not when there are tokens to make text of. */
    @Test
    void aTokenizerThatIsBrokenIsKnownBeforeTheWork() throws IOException {
        Path folder = checkpoint(temp);
        Files.writeString(folder.resolve("tokenizer.json"), "{broken");
        Path trace = temp.resolve("trace.json");
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words(
                "generate -m " + folder + " --prompt-ids 1,2 -n 2 --trace " + trace));
        assertThat(run.status()).isOne();
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains("tokenizer.json: not valid JSON").hasLineCount(1);
        assertThat(trace).doesNotExist();
    }

    /** What some editors put before a text, and nobody sees. */
    @Test
    void aByteOrderMarkIsNoPartOfAPrompt() throws IOException {
        Path folder = checkpoint(temp);
        Path file = Files.writeString(temp.resolve("prompt.txt"), "\uFEFFexperts apart\n");
        assertThat(promptIds(generate(folder, "--prompt-file " + file + " --format json"))).isEqualTo("[1,4,5]");
        InputStream before = System.in;
        System.setIn(Files.newInputStream(file));
        try {
            assertThat(promptIds(generate(folder, "--prompt-file - --format json"))).isEqualTo("[1,4,5]");
        } finally {
            System.in.close();
            System.setIn(before);
        }
        Files.writeString(file, "\uFEFF3,4\n");
        assertThat(promptIds(generate(folder, "--prompt-ids @" + file + " --format json"))).isEqualTo("[3,4]");
    }

    @Test
    void aStopStringEndsTheTextBeforeItAndTheTokensWithIt() throws IOException {
        // Every token of this one is one of four words or nothing to be seen.
        Path folder = TestCheckpoint.of("mixtral", "{\"vocab_size\": 6}", 3).write(temp.resolve("words"));
        try (InputStream in = TextTest.class.getResourceAsStream("/tokenizer/tokenizer.json")) {
            Files.write(folder.resolve("tokenizer.json"), in.readAllBytes());
        }
        List<String> words = List.of("", "", "attention", "and", "experts", "apart");
        List<String> line =
                new ArrayList<>(List.of("generate", "-m", folder.toString(), "--prompt-ids", "1,2", "-n", "16",
                        "--ignore-eos", "--temperature", "5", "--seed", "4", "--format", "json"));
        JsonNode all = output(CommandLineRun.of(line.toArray(String[]::new)));
        List<Integer> tokens = new ArrayList<>();
        all.get("token_ids").forEach(id -> tokens.add(id.intValue()));
        String whole = tokens.stream().map(words::get).filter(w -> !w.isEmpty()).collect(Collectors.joining(" "));
        assertThat(all.get("text").textValue()).isEqualTo(whole);
        // The end of one word and the beginning of the next, somewhere in the midst.
        int space = whole.indexOf(' ', whole.length() / 3);
        String stop = whole.substring(space - 2, space + 3);
        int at = whole.indexOf(stop);
        int count = 1;
        while (!tokens.stream().limit(count).map(words::get).filter(w -> !w.isEmpty())
                .collect(Collectors.joining(" ")).contains(stop)) {
            count++;
        }
        assertThat(count).as("the test's own text").isBetween(2, 15);
        line.addAll(List.of("--stop", "nowhere", "--stop", stop));
        JsonNode cut = output(CommandLineRun.of(line.toArray(String[]::new)));
        assertThat(cut.get("token_ids").toString())
                .isEqualTo(tokens.subList(0, count).toString().replace(" ", ""));
        assertThat(cut.get("text").textValue()).isEqualTo(whole.substring(0, at));
        line.set(line.indexOf("json"), "table");
        CommandLineRun table = CommandLineRun.of(line.toArray(String[]::new));
        assertThat(table.out().lines().skip(1).findFirst()).contains(whole.substring(0, at));
    }

    @Test
    void theCheckpointsSamplingIsUsedAndSaidAndFlagsWin() throws IOException {
        Path folder = checkpoint(temp);
        String greedy = output(generate(folder, "--prompt-ids 1,2 --format json")).get("token_ids").toString();
        Files.writeString(folder.resolve("generation_config.json"), """
                {"do_sample": true, "temperature": 3.0, "top_k": 0, "top_p": 0.9}""");
        CommandLineRun sampled = generate(folder, "--prompt-ids 1,2 --format json --seed 3");
        assertThat(sampled.err()).contains("generation_config.json", "temperature 3.0, top-p 0.9").hasLineCount(1);
        String tokens = output(sampled).get("token_ids").toString();
        assertThat(tokens).isNotEqualTo(greedy);
        assertThat(output(generate(folder, "--prompt-ids 1,2 --format json --seed 3 --top-p 0.9 --temperature 3"))
                .get("token_ids").toString()).isEqualTo(tokens);
        CommandLineRun cold = generate(folder, "--prompt-ids 1,2 --format json --temperature 0");
        assertThat(output(cold).get("token_ids").toString()).isEqualTo(greedy);
        assertThat(cold.err()).as("all that counts is what the flag says").isEmpty();
        assertThat(output(generate(folder, "--prompt-ids 1,2 --format json --top-k 1")).get("token_ids").toString())
                .isEqualTo(greedy);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--prompt-ids 1 --top-k -1             | --top-k must be at least 0",
        "--prompt-ids 1 --min-p 2              | --min-p must be from 0 to 1",
        "--prompt-ids 1 --repetition-penalty 0 | --repetition-penalty must be above 0",
        "--prompt-ids 1 --chat                 | --chat",
        "--prompt-ids 1 --system x             | --system needs --chat",
        "--prompt-ids 1 --stop x               | --stop: preset tiny",
        "--prompt-file x                       | --prompt-file: preset tiny"})
    void whatMakesNoSenseIsAMistakeOfUsage(String line, String complaint) {
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words("generate -m tiny " + line));
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err()).contains(complaint).hasLineCount(1);
    }
}
