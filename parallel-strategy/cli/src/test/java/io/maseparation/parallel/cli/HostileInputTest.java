package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.testing.TestCheckpoint;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Whatever is in a file or on the command line, a command gives a result or complains in lines of at most 500
 * characters, and never of an exception that nobody expected. {@code -Dma.fuzzTimes=N} does N times as much.
 */
class HostileInputTest {
    private static final int TIMES = Integer.getInteger("ma.fuzzTimes", 1);
    private static final String[] VALUES = {
        "null", "true", "-1", "0", "1e999", "-1e308", "NaN", "18446744073709551616", "0.5", "\"\"", "\"\\ud800\"",
        "\"\\u0000\\n\"", "[]", "{}", "[[[]]]", "{\"a\": 1, \"a\": 2}", "\"../../../etc/passwd\"", "2147483647", "-0.0",
        "\"" + "x".repeat(3000) + "\"", "[".repeat(3000), "{\"a\":".repeat(1200), "1" + "0".repeat(2000)};
    private static final String GENERATE = "generate -n 2 --chat -p attention -m ";
    private static final String PLAN = "simulate --batch 2 --context 16 --plan ";
    private static final String CLUSTER = "simulate -m tiny --batch 2 --context 16 --cluster ";
    private static final String BALANCE = "balance --gpus 4 --slots 8 --loads ";
    private static final String ROUTING = "simulate -m tiny --batch 2 --context 16 --routing ";
    private static Path folder;
    private static Path plan;
    private static Path cluster;
    private static Path loads;
    private static Path trace;

    @BeforeContainer
    static void create() throws IOException {
        folder = Files.createTempDirectory("hostile");
        TestCheckpoint.of("qwen3_moe", """
                {"moe_intermediate_size": 12, "num_experts": 5, "eos_token_id": 3,
                 "rope_parameters": {"rope_theta": 10000.0, "rope_type": "yarn", "factor": 2.0,
                                     "original_max_position_embeddings": 32}}""", 1).write(folder);
        try (InputStream in = HostileInputTest.class.getResourceAsStream("/tokenizer/tokenizer.json")) {
            Files.write(folder.resolve("tokenizer.json"), in.readAllBytes());
        }
        text("tokenizer_config.json",
                """
                        {"add_bos_token": true, "add_eos_token": false, "bos_token": {"content": "<s>"}, "eos_token": "<unk>",
                         "added_tokens_decoder": {"0": {"content": "<unk>"}}, "chat_template": [{"name": "default", "template":
                         "{% for m in messages %}{{ m.content | trim }}{% endfor %}{{ bos_token if x is defined else 'and' }}"}]}""");
        text("generation_config.json",
                """
                        {"do_sample": true, "temperature": 0.5, "top_k": 3, "top_p": 0.9, "min_p": 0.1, "eos_token_id": [3, 4]}""");
        plan = folder.resolve("plan.json");
        assertThat(CommandLineRun.of(CommandLineRun.words(
                "plan -m tiny --cluster a100x2 --batch 2 --context 16 --time-limit 1 -o " + plan)).status()).isZero();
        cluster =
                text("cluster.json", Files.readString(Path.of("../planner/src/main/resources/io/maseparation/parallel/"
                        + "cluster/h20-l40s.json")));
        loads = text("loads.json", "[90, 132, 40, 61, 104, 165, 39, 4]");
        trace = text("trace.json", "{\"layers\": [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]}");
    }

    /** Damage says nothing if what is damaged was refused before. */
    @Property(tries = 1)
    void whatIsDamagedIsValid() {
        for (String line : List.of(GENERATE + folder, PLAN + plan, CLUSTER + cluster, BALANCE + loads,
                ROUTING + trace)) {
            CommandLineRun run = CommandLineRun.of(CommandLineRun.words(line));
            assertThat(run.status()).as(run.err()).isZero();
        }
    }

    private static Path text(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    @AfterContainer
    static void delete() throws IOException {
        try (var files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }

    /** A file with some damage: bytes, values of other kinds, what is missing at the end. */
    private static byte[] damaged(byte[] bytes, Random random) {
        byte[] result = bytes.clone();
        for (int i = 1 + random.nextInt(2); i > 0 && result.length > 0; i--) {
            String text = new String(result, StandardCharsets.ISO_8859_1);
            int at = random.nextInt(result.length);
            switch (random.nextInt(5)) {
                case 0 -> result[at] = (byte) random.nextInt(256);
                case 1 -> result = Arrays.copyOf(result, at);
                default -> {
                    // The value after some colon or bracket becomes another one.
                    int colon = Math.max(text.lastIndexOf(':', at), text.lastIndexOf('[', at));
                    int end = colon + 1;
                    while (end < text.length() && ",]}\n".indexOf(text.charAt(end)) < 0) {
                        end++;
                    }
                    if (colon >= 0) {
                        result = (text.substring(0, colon + 1) + VALUES[random.nextInt(VALUES.length)]
                                + text.substring(end)).getBytes(StandardCharsets.ISO_8859_1);
                    }
                }
            }
        }
        return result;
    }

    private static void check(String what, String... words) {
        CommandLineRun run = CommandLineRun.of(words);
        assertThat(run.status()).as(what).isBetween(0, 2);
        assertThat(run.err()).as(what).doesNotContain("run again with --verbose").doesNotContain("out of memory");
        assertThat(run.err().lines()).as(what).allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(500));
    }

    private static void fuzz(long seed, Path file, String line) throws IOException {
        byte[] valid = Files.readAllBytes(file);
        Random random = new Random(seed);
        try {
            for (int i = 0; i < TIMES; i++) {
                byte[] bytes = damaged(valid, random);
                Files.write(file, bytes);
                check(file.getFileName() + ", seed " + seed + ": " + new String(bytes, 0, Math.min(bytes.length, 1500),
                        StandardCharsets.ISO_8859_1), CommandLineRun.words(line));
            }
        } finally {
            Files.write(file, valid);
        }
    }

    @Property(tries = 80)
    void filesOfACheckpoint(@ForAll("files") String name, @ForAll long seed) throws IOException {
        fuzz(seed, folder.resolve(name), GENERATE + folder);
    }

    @Provide
    Arbitrary<String> files() {
        return Arbitraries.of("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json",
                "model.safetensors");
    }

    @Property(tries = 30)
    void plans(@ForAll long seed) throws IOException {
        fuzz(seed, plan, PLAN + plan);
    }

    @Property(tries = 30)
    void clusters(@ForAll long seed) throws IOException {
        fuzz(seed, cluster, CLUSTER + cluster);
    }

    @Property(tries = 30)
    void loadsOfExperts(@ForAll long seed) throws IOException {
        fuzz(seed, loads, BALANCE + loads);
        fuzz(seed, trace, ROUTING + trace);
    }

    @Property(tries = 40)
    void commandLines(@ForAll long seed) {
        Random random = new Random(seed);
        List<Command> commands = Main.commands();
        for (int i = 0; i < TIMES; i++) {
            Command command = commands.get(random.nextInt(3));
            List<String> words = new ArrayList<>(List.of(command.name(), "-m", "tiny"));
            var options = List.copyOf(command.options().getOptions());
            for (int k = random.nextInt(4); k > 0; k--) {
                words.add("--" + options.get(random.nextInt(options.size())).getLongOpt());
                words.add(VALUES[random.nextInt(VALUES.length)].toLowerCase(Locale.ROOT));
            }
            words.add("--" + "nothing".repeat(random.nextInt(200)));
            check("seed " + seed + ": " + words, words.toArray(String[]::new));
        }
    }
}
