package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.testing.Fuzz;
import io.maseparation.moe.testing.TestCheckpoint;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.apache.commons.cli.Option;

/**
 * Whatever is in a file or on the command line, a command gives a result or complains in lines of at most 500
 * characters, soon and without much memory, and never of an exception that nobody expected. {@code -Dma.fuzzTimes=N}
 * does N times as much.
 */
class HostileInputTest {
    private static final int MOST_SECONDS = 60;
    private static final String ON_TINY = " -m tiny --batch 2 --context 16 ";
    private static final String POLICIES =
            "policies --steps 70 --attention-devices 1 --expert-devices 2 --batch 4 --context 16 --policy elastic ";
    private static final String COMPARE = "compare --prompt-tokens 2 -n 2 -r 1 --devices 2 ";

    /** Options that name what is written: into one folder, whatever the name. */
    private static final List<String> WRITTEN = List.of("trace", "output");

    /** Options that say how much is to be done: where that is much, it takes long. */
    private static final List<String> WORK = List.of(
            "steps", "repetitions", "rounds", "time-limit", "max-tokens", "n-gen", "n-prompt", "n-depth",
            "prompt-tokens", "sequences");

    /** What makes no sense of an option in some other way than a JSON value. */
    private static final List<String> WORDS = List.of(
            "-5", "+1", "0x10", "1_000", "\uff11", " 1", "1 ", "1,,2", ",", "@", "@/dev/null", "@/dev/zero", "@@", "=",
            "3=", "=3", "1=1:",
            "1=:", "1:2:3", "zipf", "zipf:", "zipf:abc", "zipf:-1", "zipf:NaN", "zipf:1e308", "drift:1", "drift:1:0",
            "drift::", "1=experts", "a100x", "a100x0", "a100x99999999999", "a100x-1", "/", "/dev/null", "/dev/zero",
            "..",
            "\u2028", "\ud800", "é".repeat(300), "%s%n%d", "{0}", "'a'", "${x}", "1GB", "1e9TB", "99999999999",
            "async,");

    private static final List<Target> TARGETS = new ArrayList<>();
    private static Path folder;

    /** A file and the command that reads it. */
    record Target(Path file, String line) {
        /** Templates are programs, whose interpreter is allowed some memory. */
        long mostBytes() {
            return line.contains("--chat") ? 16 * Fuzz.MOST_BYTES : Fuzz.MOST_BYTES;
        }
    }

    @BeforeContainer
    static void create() throws IOException {
        folder = Files.createTempDirectory("hostile");
        Path model = checkpoint(folder.resolve("model"));
        Path shards = Files.createDirectory(folder.resolve("shards"));
        TestCheckpoint mixtral = TestCheckpoint.of("mixtral", "{}", 1).writeConfig(shards);
        mixtral.writer().writeSharded(shards, 2);
        Path plan = folder.resolve("plan.json");
        assertThat(CommandLineRun.of(CommandLineRun.words("plan --cluster a100x2 --time-limit 1 -o " + plan + ON_TINY))
                .status()).isZero();
        Path cluster = text("cluster.json", Files.readString(Path.of(
                "../planner/src/main/resources/io/maseparation/parallel/cluster/h20-l40s.json")));
        Path loads = text("loads.json", "[90, 132, 40, 61, 104, 165, 39, 4]");
        Path layered = text("layered.json", "[[90, 132, 40, 61], [104, 165, 39, 4]]");
        Path trace = text("trace.json", "{\"layers\": [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]}");
        Path ids = text("ids.txt", "1,2,3\n5, 6\n");
        Path prompt = text("prompt.txt", "experts and attention\n");

        for (String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json",
                "model.safetensors")) {
            target(model.resolve(file), "generate -n 2 -p attention -m " + model);
        }
        target(model.resolve("chat_template.jinja"), "generate -n 2 --chat -p attention -m " + model);
        Path chat = checkpoint(folder.resolve("chat"));
        Files.delete(chat.resolve("chat_template.jinja"));
        target(chat.resolve("tokenizer_config.json"), "generate -n 2 --chat -p attention -m " + chat);
        for (String file : List.of("config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors")) {
            target(shards.resolve(file), "generate --prompt-ids 1,2 -n 2 --strategy ma -m " + shards);
        }
        for (String line : List.of("simulate --batch 2 --context 16 -m ", "bench -p 2 -n 1 -r 1 -m ", POLICIES + "-m ",
                "plan --batch 2 --context 16 --cluster a100x2 --time-limit 1 -m ", COMPARE + "--batch 2 -m ")) {
            target(model.resolve("config.json"), line + model);
        }
        for (String line : List.of("simulate --batch 2 --context 16 --plan ",
                "generate -m tiny --prompt-ids 1 -n 2 --plan ",
                "generate -m tiny --prompt-ids 1,2 -n 3 --strategy ma --change-at 2=")) {
            target(plan, line + plan);
        }
        for (String line : List.of("simulate" + ON_TINY, "plan --time-limit 1" + ON_TINY, POLICIES + "-m tiny ",
                COMPARE + "-m tiny --batch 2 ",
                "generate -m tiny --prompt-ids 1 -n 4 --strategy ma --rebalance --rebalance-interval 2 ")) {
            target(cluster, line + "--cluster " + cluster);
        }
        for (String line : List.of("simulate" + ON_TINY, "plan --cluster a100x2 --time-limit 1" + ON_TINY,
                POLICIES + "-m tiny ")) {
            target(trace, line + "--routing " + trace);
        }
        target(loads, "balance --gpus 4 --slots 8 --loads " + loads);
        target(layered, "balance --gpus 2 --slots 4 --loads " + layered);
        target(ids, "generate -m tiny -n 2 --prompt-ids @" + ids);
        target(ids, "compare -n 2 -r 1 --devices 2 -m tiny --prompt-ids @" + ids);
        target(prompt, "generate -m " + model + " -n 2 --prompt-file " + prompt);
    }

    /** A checkpoint with every file that one may have. */
    static Path checkpoint(Path model) throws IOException {
        TestCheckpoint.of("qwen3_moe", """
                {"moe_intermediate_size": 12, "num_experts": 5, "eos_token_id": 3,
                 "rope_parameters": {"rope_theta": 10000.0, "rope_type": "yarn", "factor": 2.0,
                                     "original_max_position_embeddings": 32}}""", 1).write(model);
        try (InputStream in = HostileInputTest.class.getResourceAsStream("/tokenizer/tokenizer.json")) {
            Files.write(model.resolve("tokenizer.json"), in.readAllBytes());
        }
        Files.writeString(model.resolve("tokenizer_config.json"),
                """
                        {"add_bos_token": true, "add_eos_token": false, "bos_token": {"content": "<s>"}, "eos_token": "<unk>",
                         "added_tokens_decoder": {"0": {"content": "<unk>"}}, "chat_template": [{"name": "default", "template":
                         "{% for m in messages %}{{ m.content | trim }}{% endfor %}{{ bos_token if x is defined else 'and' }}"}]}""");
        Files.writeString(model.resolve("chat_template.jinja"), """
                {% for m in messages %}{{ m['content'] | trim }}{% if loop.last %} and{% endif %}{% endfor %}""");
        Files.writeString(model.resolve("generation_config.json"),
                """
                        {"do_sample": true, "temperature": 0.5, "top_k": 3, "top_p": 0.9, "min_p": 0.1, "eos_token_id": [3, 4]}""");
        return model;
    }

    private static Path text(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    private static void target(Path file, String line) {
        TARGETS.add(new Target(file, line));
    }

    @AfterContainer
    static void delete() throws IOException {
        TARGETS.clear();
        try (var files = Files.walk(folder)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
    }

    /** Damage says nothing if what is damaged was refused before. */
    @Property(tries = 1)
    void whatIsDamagedIsValid() {
        for (Target target : TARGETS) {
            CommandLineRun run = CommandLineRun.of(CommandLineRun.words(target.line()));
            assertThat(run.status()).as(target.line() + ": " + run.err()).isZero();
        }
    }

    /** JSON and prompts are UTF-8: nothing else is taken for it, and no broken byte is passed over. */
    @Property(tries = 1)
    void textIsUtf8() throws IOException {
        int tried = 0;
        for (Target target : TARGETS) {
            byte[] valid = Files.readAllBytes(target.file());
            if (target.file().toString().endsWith(".safetensors")) {
                continue;
            }
            String text = new String(valid, StandardCharsets.UTF_8);
            byte[] broken = text.replaceFirst("[a-z1-9](?=[a-z\", \\n])", "$0\u00ed\u00a0\u0080")
                    .getBytes(StandardCharsets.ISO_8859_1);
            try {
                for (byte[] bytes : List.of(
                        text.getBytes(StandardCharsets.UTF_16), text.getBytes(Charset.forName("UTF-32")), broken)) {
                    Files.write(target.file(), bytes);
                    CommandLineRun run = CommandLineRun.of(CommandLineRun.words(target.line()));
                    assertThat(run.status()).as(target.line()).isOne();
                    assertThat(run.err().lines().toList().getLast()).contains("not text in UTF-8");
                    tried++;
                }
            } finally {
                Files.write(target.file(), valid);
            }
        }
        assertThat(tried).isGreaterThan(30);
    }

    private static void check(String what, long mostBytes, String... words) {
        long start = System.nanoTime();
        List<CommandLineRun> runs = new ArrayList<>();
        long bytes = Fuzz.allocated(() -> runs.add(CommandLineRun.of(words)));
        CommandLineRun run = runs.getFirst();
        assertThat(run.status()).as(what).isBetween(0, 2);
        assertThat(run.err()).as(what).doesNotContain("run again with --verbose").doesNotContain("out of memory");
        assertThat(run.err().lines()).as(what).allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(500));
        if (run.status() > 0) {
            assertThat(run.err().lines().toList().getLast()).as(what).startsWith("ma: ");
            assertThat(bytes).as(what).isLessThan(mostBytes);
        }
        assertThat((System.nanoTime() - start) / 1_000_000_000).as("seconds of " + what).isLessThan(MOST_SECONDS);
    }

    @Property(tries = 150)
    void files(@ForAll("targets") Target target, @ForAll long seed) throws IOException {
        byte[] valid = Files.readAllBytes(target.file());
        Random random = new Random(seed);
        try {
            for (int i = 0; i < Fuzz.TIMES; i++) {
                byte[] bytes = Fuzz.damaged(valid, random);
                Files.write(target.file(), bytes);
                check(target.line() + ", seed " + seed + ": "
                        + new String(bytes, 0, Math.min(bytes.length, 1500), StandardCharsets.ISO_8859_1),
                        target.mostBytes(), CommandLineRun.words(target.line()));
            }
        } finally {
            Files.write(target.file(), valid);
        }
    }

    @Provide
    Arbitrary<Target> targets() {
        return Arbitraries.of(TARGETS);
    }

    /** Whether an option says how much is computed: what compare runs and others only calculate among it. */
    private static boolean isWork(String command, String option) {
        return WORK.contains(option) || (command.equals("compare") && option.equals("batch"));
    }

    /** A command that ends soon, as its options and their values. */
    private static Map<String, String> options(String command) {
        String line = switch (command) {
            case "generate" -> "--model tiny --prompt-ids 1 --max-tokens 1";
            case "compare" -> "--model tiny --batch 2 --prompt-tokens 2 --max-tokens 2 --repetitions 1 --devices 2";
            case "simulate" -> "--model tiny --batch 2 --context 16";
            case "plan" -> "--model tiny --batch 2 --context 16 --cluster a100x2 --time-limit 1";
            case "policies" -> "--model tiny --steps 70 --batch 4 --context 16 --policy elastic";
            case "balance" -> "--gpus 4 --slots 8 --loads " + folder.resolve("loads.json");
            case "bench" -> "--model tiny --n-prompt 2 --n-gen 1 --repetitions 1";
            // These take long once all is right.
            case "reproduce" -> "--cluster none";
            case "calibrate" -> "--model tiny --max-tokens 1";
            default -> "--body host";
        };
        List<String> words = List.of(CommandLineRun.words(line));
        Map<String, String> options = new LinkedHashMap<>();
        for (int i = 0; i < words.size(); i += 2) {
            options.put(words.get(i).substring(2), words.get(i + 1));
        }
        return options;
    }

    @Property(tries = 150)
    void commandLines(@ForAll long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < Fuzz.TIMES; i++) {
            Command command = Main.commands().get(random.nextInt(Main.commands().size()));
            List<Option> known = command.options().getOptions().stream()
                    .filter(Option::hasArg).toList();
            Map<String, String> options = options(command.name());
            for (int k = 1 + random.nextInt(2); k > 0; k--) {
                String value = random.nextBoolean() ? Fuzz.value(random) : WORDS.get(random.nextInt(WORDS.size()));
                String option = known.get(random.nextInt(known.size())).getLongOpt();
                if (WRITTEN.contains(option)) {
                    options.put(option, folder + "/written/" + value.replace('/', '_'));
                } else if (!isWork(command.name(), option) || !value.matches("[0-9]{4,10}")) {
                    options.put(option, value);
                }
            }
            List<String> words = new ArrayList<>(List.of(command.name()));
            options.forEach((name, value) -> words.addAll(List.of("--" + name, value)));
            if (random.nextInt(10) == 0) {
                words.add(1 + random.nextInt(words.size()), "--" + "nothing".repeat(random.nextInt(200)));
            }
            check("seed " + seed + ": " + words, 8 * Fuzz.MOST_BYTES, words.toArray(String[]::new));
        }
    }
}
