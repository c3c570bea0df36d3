package io.maseparation.parallel.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.maseparation.moe.testing.Golden;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a failure looks like: one line, the right exit status, nothing on standard output. */
class FailureTest {
    @TempDir
    Path temp;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            genrate                                              | 2 | did you mean generate?
            simulat                                              | 2 | did you mean simulate?
            simulate --cluster a100x0                            | 2 | the number of devices must be from 1
            simulate --cluster nowhere                           | 2 | cluster 'nowhere' is neither a name nor a file
            simulate -m nothing                                  | 2 | neither a folder nor a preset
            simulate -m tiyn                                     | 2 | model 'tiyn' is neither a folder nor a preset; did you mean tiny?
            generate -m smal --prompt-ids 1                      | 2 | did you mean small?
            bench -m pom.xmm                                     | 2 | neither a folder nor a preset; presets are
            bench -m pom.xml                                     | 2 | model 'pom.xml' is a file: give the folder it is in
            compare -m srd                                       | 2 | did you mean src?
            plan -m " "                                          | 2 | --model needs a value
            generate -m tiny --prompt-ids 1 --plan=              | 2 | --plan needs a value
            generate -m tiny --prompt-ids -5                     | 2 | '-5' is not a token id
            compare -m tiny --prompt-ids 3,-5                    | 2 | '-5' is not a token id
            generate -m tiny --prompt-ids 99999999999            | 2 | '99999999999' is not a token id
            simulate --routing zip:1                             | 2 | neither uniform, zipf:S, drift:S:N nor a file
            plan --routing zipf:-1                               | 2 | the exponent must be from 0 to 10
            policies --routing drift:1:0                         | 2 | the number of steps must be from 1
            simulate --cluster pom.xml                           | 1 | pom.xml: not valid JSON
            compare -m tiny --cluster a100                       | 2 | a100xN, h100xN, h200xN of N devices
            simulate --strategy ma --expert-replicas 3 --expert-devices 4 | 2 | --expert-replicas 3 does not divide --expert-devices 4
            bench -m tiny --format csv -o md                     | 2 | --output and --format are the same
            bench -m tiny --format xml                           | 2 | --format: there is no 'xml'
            simulate --batch 0                                   | 2 | --batch must be from 1
            simulate --context 4096                              | 2 | more than the 2048 positions of seed
            simulate --experts-per-token 17                      | 2 | --experts-per-token must be from 1 to 16
            simulate --launch fast                               | 2 | there are eager, graph
            simulate --collectives mpi                           | 2 | there are custom, nccl
            simulate --routing zipf:x                            | 2 | --routing zipf:x
            simulate --slo-tpot-ms 0                             | 2 | --slo-tpot-ms must be above 0
            simulate --steps 0                                   | 2 | --steps must be from 1
            simulate --strategy ma --attention-devices 12 --expert-devices 5 | 1 | cluster a100x16 has 16 devices
            simulate --batch 4096                                | 1 | rank 0 (both) needs
            simulate -m qwen3-30b-a3b --batch 1048576 --context 32768 | 1 | lower the batch
            simulate --plan no-such-plan.json                    | 1 | no-such-plan.json: no such file
            simulate --plan x.json --strategy ma                 | 2 | --strategy with --plan
            plan --objective speed                               | 2 | there are tps, tpot, cost
            plan --cluster h100x2 --objective cost               | 2 | --objective cost needs prices
            plan --cluster nowhere                               | 2 | cluster 'nowhere' is neither a name nor a file
            plan --batch 0                                       | 2 | --batch must be from 1
            plan -m mixtral-8x7b --cluster a100x1                | 1 | too much
            plan -m tiny --cluster a100x2 --slo-tpot-ms 0.00001  | 1 | keeps a TPOT of 1.0E-5 ms
            plan -m tiny -o no/such/folder/plan.json             | 2 | --output
            calibrate -m tiny -o no/such/folder/profile.json     | 2 | --output
            plan --strategy ma                                   | 2 | unknown option '--strategy'
            --model tiny                                         | 2 | a command comes first
            help nonsense                                        | 2 | unknown command 'nonsense'
            generate                                             | 2 | --model
            generate -m tiny                                     | 2 | --prompt-ids
            generate -m tiny --prompt-ids 1 -n                   | 2 | --max-tokens needs a value
            generate -m tiny --promt-ids 1                       | 2 | did you mean --prompt-ids?
            bench -m tiny --plan file                            | 2 | unknown option '--plan'
            generate -m tiny --prompt-ids 1 stray                | 2 | unexpected argument 'stray'
            generate -m tiny --prompt-ids 1 -n 1 -n 2            | 2 | --max-tokens is given twice
            generate -m tiny --prompt-ids 1 -n x                 | 2 | 'x' is not a whole number
            generate -m tiny --prompt-ids 1 -n 0                 | 2 | --max-tokens must be at least 1
            generate -m tiny --prompt-ids 1 -n 99999999999       | 2 | --max-tokens must be from 1 to
            generate -m tiny --prompt-ids 1,,2                   | 2 | '' is not a token id
            generate -m tiny --prompt-ids 1,b                    | 2 | 'b' is not a token id
            generate -m tiny --prompt-ids @no/such/file          | 1 | no such file
            generate -m tiny --prompt-ids @                      | 2 | --prompt-ids @: name a file behind the @
            generate -m tiny --prompt-ids 1 --temperature warm   | 2 | 'warm' is not a number
            generate -m tiny --prompt-ids 1 --temperature -1     | 2 | --temperature must be 0 or more
            generate -m tiny --prompt-ids 1 --temperature NaN    | 2 | 'NaN' is not a number
            generate -m tiny --prompt-ids 1 --temperature 1f     | 2 | '1f' is not a number
            generate -m tiny --prompt-ids 1 --temperature 0x1p3  | 2 | '0x1p3' is not a number
            generate -m tiny --prompt-ids 1 --temperature 1e400  | 2 | '1e400' is not a number
            generate -m tiny --prompt-ids 1 -n １            | 2 | is not a whole number
            generate -m tiny --prompt-ids 1 --seed 9223372036854775808 | 2 | is not a whole number
            version x                                            | 2 | unexpected argument 'x'
            help -x                                              | 2 | unknown option '-x'
            help generate bench                                  | 2 | help explains one command at a time
            generate -m tiny --prompt-ids 1 --top-p 1.5          | 2 | --top-p must be above 0
            generate -m tiny --prompt-ids 1 --seed pi            | 2 | --seed: 'pi'
            generate -m tiny --prompt-ids 1 --strategy tp        | 2 | --strategy: there is no 'tp'
            generate -m tiny --prompt-ids 1 --attention-devices 3 | 2 | --attention-devices needs --strategy ma
            generate -m tiny --prompt-ids 1 --rebalance | 2 | --rebalance needs --strategy ma; the strategy is single
            generate -m tiny --prompt-ids 1 --strategy ep --elastic | 2 | --elastic needs --strategy ma; the strategy is ep
            generate -m tiny --prompt-ids 1 --strategy tp-pp --change-at 1=1:2 | 2 | --change-at needs --strategy ma; the strategy is tp-pp
            generate -m tiny --prompt-ids 1 --strategy ma --rebalance-interval 4 | 2 | --rebalance-interval needs --rebalance or --elastic
            generate -m tiny --prompt-ids 1 --strategy ma --rebalance-horizon 4 | 2 | --rebalance-horizon needs --rebalance or --elastic
            generate -m tiny --prompt-ids 1 --strategy ma --elastic --redundant-experts 4 | 2 | --redundant-experts needs --rebalance
            generate -m tiny --prompt-ids 1 --strategy ma --cluster a100x2 | 2 | --cluster needs --rebalance or --elastic
            generate -m tiny --prompt-ids 1 --strategy ma --elastic --cluster a100x1 | 2 | --cluster a100x1 has 1 devices, the layout uses 2
            generate -m tiny --prompt-ids 1 --strategy ma --elastic --cluster moon | 2 | moon
            generate -m tiny --prompt-ids 1 --strategy ma --elastic --rebalance-interval 0 | 2 | --rebalance-interval must be at least 1, is 0
            generate -m tiny --prompt-ids 1 --strategy ma --change-at 1:2 | 2 | '1:2' is not STEP=LAYOUT, such as 8=1:2
            generate -m tiny --prompt-ids 1 --strategy ma --change-at 3=0:2 | 2 | 0:2 leaves a pool without devices
            generate -m tiny --prompt-ids 1 --strategy ma --change-at 3=everything | 2 | 'everything' is not a ratio such as 1:2, a plan file, experts or sequences
            generate -m tiny --prompt-ids 1 --strategy ma --change-at 3=1:1 --change-at 3=experts | 2 | there are two changes at step 3
            generate -m tiny --prompt-ids 1 --strategy ep --attention-devices 3 | 2 | needs --strategy ma; the strategy is ep
            generate -m tiny --prompt-ids 1 --strategy ma --tensor-parallel-size 2 | 2 | needs --strategy tp-pp
            generate -m tiny --prompt-ids 1 --strategy tp-pp --attention-tensor-parallel-size 2 | 2 | needs --strategy ma or ep; the strategy is tp-pp
            generate -m tiny --prompt-ids 1 --strategy ma --data-parallel-size 2 | 2 | needs --strategy tp-pp or ep
            generate -m tiny --prompt-ids 1 --plan x.json --expert-replicas 2 | 2 | --expert-replicas with --plan
            generate -m tiny --prompt-ids 1 --plan x.json --schedule async | 2 | --schedule with --plan
            generate -m tiny --prompt-ids 1 --plan no-such-plan.json | 1 | no-such-plan.json: no such file
            generate -m tiny --prompt-ids 1 --strategy ma --attention-tensor-parallel-size 2 | 2 | does not divide --attention-devices 1
            generate -m tiny --prompt-ids 1 --strategy ma --expert-replicas 2 | 2 | does not divide --expert-devices 1
            generate -m tiny --prompt-ids 1 --micro-batches 0    | 2 | --micro-batches must be from 1
            generate -m tiny --prompt-ids 1 --schedule eager     | 2 | there are async, barrier
            generate -m tiny --prompt-ids 1 --transport mpi      | 1 | not started by mpirun: start it as mpirun -n
            generate -m tiny --prompt-ids 1 --transport tcp      | 2 | there are threads, mpi
            generate -m tiny --prompt-ids 1 --lost-after 3       | 2 | --lost-after is for --transport mpi
            generate -m tiny --prompt-ids 1 --transport mpi --lost-after 0 | 2 | --lost-after must be from 1
            generate -m tiny --prompt-ids 1 --strategy ma --transport mpi --elastic | 2 | a change of layout between processes
            generate -m tiny --prompt-ids 1 --transport mpi --trace trace.json | 2 | --trace between processes
            calibrate -m tiny --transport mpi                    | 1 | not started by mpirun: start it as mpirun -n
            calibrate -m tiny --lost-after 3                     | 2 | --lost-after is for --transport mpi
            bench -m tiny --transport mpi                        | 2 | --transport mpi is for generate and calibrate
            devices --transport mpi                              | 2 | --transport mpi is for generate and calibrate, and for devices --nccl
            devices --nccl                                       | 1 | NCCL cannot be used here, messages go through the host
            devices --cublas                                     | 1 | no comparison with cuBLAS here: it works on arrays of TornadoVM's CUDA backend
            devices --cublas --backend cuda                      | 1 | --backend cuda: no TornadoVM here
            devices --cublas -m sede                             | 2 | did you mean seed?
            devices --cublas --nccl                              | 2 | --nccl and --cublas are two checks
            devices --self-check --cublas                        | 2 | --cublas and --self-check are two checks
            devices --cublas --transport mpi                     | 2 | --transport mpi is for generate and calibrate, and for devices --nccl
            devices -m seed                                      | 2 | --model is for devices --cublas
            generate -m tiny --prompt-ids 1 --kv-dtype bf16      | 2 | there are f32, f16
            generate -m tiny --prompt-ids 1 --activations bf16   | 2 | there are f32, f16
            generate -m tiny --prompt-ids 1 --activations f16    | 1 | multiplies in fp32 without tensor cores
            generate -m tiny --prompt-ids 1 --device-memory lots | 2 | not an amount of memory
            generate -m tiny --prompt-ids 1 --format xml         | 2 | there are table, json, csv, md
            generate -m tiny -p hello                            | 2 | no tokenizer
            generate -m no/such/model --prompt-ids 1             | 2 | neither a folder nor a preset
            generate -m tiny --prompt-ids 1,320                  | 1 | token 320 is outside the vocabulary of 320
            generate -m tiny --prompt-ids 1 -n 512               | 1 | --max-tokens
            generate -m mixtral-8x7b --prompt-ids 1              | 1 | not enough memory
            generate -m tiny --prompt-ids 1 --device-memory 1MB  | 1 | use a --strategy that spreads the weights
            generate -m tiny --prompt-ids 1 --strategy ma --expert-devices 9 | 1 | --expert-devices 9 is more than the 8 experts
            generate -m tiny --prompt-ids 1 --strategy ep --expert-parallel-size 9 | 1 | --expert-parallel-size 9
            generate -m tiny --prompt-ids 1 --strategy tp-pp --tensor-parallel-size 3 | 1 | --tensor-parallel-size 3
            generate -m tiny --prompt-ids 1 --strategy tp-pp --pipeline-parallel-size 5 | 1 | the model's 4 layers
            compare --devices 1                                  | 2 | --devices must be from 2
            compare -m tiny --prompt-ids 1 --batch 2             | 2 | --batch is for random prompts
            bench -m tiny                                        | 2 | lower --n-prompt
            bench -m tiny -p 0 -n 0                              | 2 | nothing to measure
            bench -m tiny -p 1,a                                 | 2 | 'a' is not a whole number
            devices --body fast                                  | 2 | there are portable, gpu, host
            """)
    void isOneLineThatSaysWhatToDo(String line, int status, String part) {
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words(line));

        assertThat(run.status()).as(run.err()).isEqualTo(status);
        assertOneLine(run, part);
    }

    @Test
    void verbosePrintsTheStackTraceToo() {
        CommandLineRun run = CommandLineRun.of("generate", "-m", "tiny", "--prompt-ids", "999", "--verbose");

        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err()).startsWith("ma: prompt 0: token 999").contains("\tat io.maseparation");
    }

    @Test
    void noLineOfAnErrorIsLongWhateverItIsAbout() throws IOException {
        Path large = temp.resolve("big.txt");
        Files.writeString(large, "5".repeat(10_000_000));
        Path larger = temp.resolve("bigger.txt");
        try (java.io.RandomAccessFile file = new java.io.RandomAccessFile(larger.toFile(), "rw")) {
            file.setLength(200L << 20);
        }
        assertThat(CommandLineRun.of("generate", "-m", "tiny", "--prompt-ids", "@" + larger).err())
                .contains("200 MiB are more than the 64.0 MiB");
        String name = "m".repeat(100_000);
        for (String[] args : new String[][] {
            {"generate", "-m", "tiny", "--prompt-ids", "@" + large},
            {"generate", "-m", "tiny", "--prompt-ids", "1,x" + name},
            {"generate", "-m", name, "--prompt-ids", "1"},
            {"generate", "-m", "tiny", "--prompt-ids", "@" + name},
            {"generate", "-m", "tiny", "--prompt-ids", "1", "-n", name},
            {"generate", "-m", "tiny", "--prompt-ids", "1", "--plan", name},
            {"simulate", "--cluster", name},
            {"simulate", "--routing", name},
            {"simulate", "--" + name},
            {"help", name},
            {name}}) {
            for (boolean verbose : new boolean[] {false, true}) {
                String[] all = verbose ? Arrays.copyOf(args, args.length + 1) : args;
                all[all.length - 1] = verbose ? "--verbose" : all[all.length - 1];
                CommandLineRun run = CommandLineRun.of(all);
                assertThat(run.status()).isPositive();
                assertThat(run.err()).startsWith("ma: ");
                assertThat(run.err().lines()).allMatch(line -> line.length() <= 500);
            }
        }
    }

    /** Known before the work, not after it. */
    @Test
    void aFileThatCannotBeWrittenIsKnownAtOnce() throws IOException {
        String name = "n".repeat(300);
        Path file = Files.writeString(temp.resolve("file"), "mine");
        Files.createDirectories(temp.resolve("folder/index.html"));
        long options = Main.commands().stream().flatMap(c -> c.options().getOptions().stream())
                .filter(o -> o.getLongOpt().matches("output|trace") && o.getArgName().matches("FILE|DIR")).count();
        List<String> lines = List.of("calibrate -m tiny -o ", "plan -m tiny --cluster h200x64 -o ",
                "generate -m tiny --prompt-ids 1 -n 500 --trace ", "simulate --steps 4000 --trace ",
                "compare -m small --trace ", "reproduce -o ", "policies --steps 1900 -o ");
        assertThat(lines).as("every command that writes a file").hasSize((int) options);
        for (String line : lines) {
            for (Path path : List.of(temp.resolve(name), temp.resolve("folder").resolve(name), file.resolve("below"),
                    temp.resolve("new").resolve(name).resolve("x"), Path.of("/proc/no/such"), temp.resolve("folder"))) {
                CommandLineRun run = CommandLineRun.of(CommandLineRun.words(line + path));
                assertThat(run.status()).as(line + path).isBetween(1, 2);
                assertOneLine(run, run.status() == 1 ? "cannot be written: " : "--");
                assertThat(run.out()).as("what was done before: %s%s", line, path).isEmpty();
            }
        }
        try (var files = Files.walk(temp)) {
            assertThat(files).hasSize(4);
        }
        assertThat(file).hasContent("mine");
    }

    /** Of a report every name counts. */
    @Test
    void aNameOfAReportThatIsTakenIsKnownAtOnce() throws IOException {
        for (String line : List.of("reproduce -o steps.csv", "reproduce --quick -o claims.csv",
                "policies --steps 1900 -o policies.csv", "policies --steps 1900 -o overview-memory-bound.svg",
                "policies --steps 1900 -o expert-bound-zipf-1.2.svg",
                "policies --steps 1900 --batch 8 -o overview.svg")) {
            String name = line.substring(line.lastIndexOf(' ') + 1);
            Path folder = Files.createDirectories(temp.resolve(line.replace(' ', '_')));
            Files.createDirectory(folder.resolve(name));
            CommandLineRun run = CommandLineRun.of(CommandLineRun.words(line.replace(name, folder.toString())));
            assertThat(run.status()).as(line).isEqualTo(1);
            assertOneLine(run, folder.resolve(name) + " cannot be written: it is a folder");
            assertThat(run.out()).as("what was done before: %s", line).isEmpty();
            assertThat(folder.toFile().list()).as(line).containsExactly(name);
        }
    }

    /** A disk that is full, say: what was computed is printed all the same. */
    @Test
    void resultsArePrintedThoughFilesCannotBeWritten() throws IOException {
        for (String line : List.of("plan -m tiny --cluster h200x2 --batch 4 -o /dev/full",
                "simulate -m tiny --cluster h200x2 --strategy ep --expert-parallel-size 2 --trace /dev/full",
                "generate -m tiny --prompt-ids 1 -n 2 --trace /dev/full",
                "compare -m tiny --devices 2 -n 2 --repetitions 1 --trace /dev/full",
                "calibrate -m tiny --no-check --rounds 1 -o /dev/full",
                "policies --steps 6 --rebalance-interval 2 --batch 8 --policy placement -o "
                        + fullAt("policies.csv"))) {
            printsThoughItCannotWrite(line, "{");
        }
    }

    /** All of the evaluation is simulated for that. */
    @Test
    @Tag("long")
    void aReproductionIsPrintedThoughItsReportCannotBeWritten() throws IOException {
        printsThoughItCannotWrite("reproduce --quick -o " + fullAt("index.html"), "[");
    }

    /** A folder with a file that takes nothing. */
    private Path fullAt(String file) throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full), "there is no /dev/full");
        Path folder = Files.createDirectory(temp.resolve("of-" + file));
        Files.createSymbolicLink(folder.resolve(file), full);
        return folder;
    }

    private static void printsThoughItCannotWrite(String line, String begin) {
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words(line + " --format json"));
        assertThat(run.status()).as(line).isEqualTo(1);
        assertThat(run.err()).as(line).contains("cannot be written: ", "space").doesNotContain("wrote ");
        assertThat(run.out()).as(line).startsWith(begin).hasSizeGreaterThan(50);
    }

    @Test
    void whatHasNoEffectIsSaid() {
        String line = "generate -m tiny --prompt-ids 1 -n 1 --top-p 0.5";
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words(line));
        assertThat(run.status()).isZero();
        assertThat(run.err()).contains("--top-p has no effect without --temperature");
        assertThat(CommandLineRun.of(CommandLineRun.words(line + " --temperature 0.1")).err()).isEmpty();
        assertThat(CommandLineRun.of(CommandLineRun.words("generate -m tiny --prompt-ids 1 -n 1 --seed 3")).err())
                .contains("--seed has no effect without --temperature");
        for (String flag : List.of("--cuda-graphs", "--no-tensor-cores", "--print-kernel")) {
            CommandLineRun embedded =
                    CommandLineRun.of("generate", "-m", "tiny", "--prompt-ids", "1", "-n", "1", flag);
            assertThat(embedded.status()).isZero();
            assertThat(embedded.err()).contains("ma: " + flag + " has no effect: this machine's cores compute");
        }
    }

    /** What the JVM makes of bytes that it cannot read, as of all beyond ASCII in the locale POSIX. */
    @ParameterizedTest
    @CsvSource({"--prompt, --prompt=a\uFFFDb", "--system, --chat -p a --system \uFFFD",
        "--stop, -p a --stop \uFFFD\uFFFD"})
    void textThatCouldNotBeReadIsRefused(String flag, String options) {
        CommandLineRun run = CommandLineRun.of(CommandLineRun.words("generate -m . -n 1 " + options));
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err()).contains("ma: " + flag + ": is not text in UTF-8");
    }

    @Test
    void aNameWithALineBreakStaysOnOneLine() {
        assertOneLine(CommandLineRun.of("generate", "-m", "no\nsuch\u0007model", "--prompt-ids", "1"), "no such?model");
    }

    @Test
    void resultsThatCannotBeWrittenAreAFailure() throws IOException {
        try (PrintStream full = new PrintStream(new FullDevice(), false, UTF_8)) {
            java.io.ByteArrayOutputStream err = new java.io.ByteArrayOutputStream();
            int status = Main.run(new String[] {"--version"}, full, new PrintStream(err, true, UTF_8));

            assertThat(status).isEqualTo(1);
            assertThat(err.toString(UTF_8)).contains("standard output");
        }
    }

    private static final class FullDevice extends OutputStream {
        @Override
        public void write(int b) throws IOException {
            throw new IOException("no space left");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            truncated file             | model.safetensors
            header beyond the file     | model.safetensors
            offsets beyond the file    | model.safetensors
            overlapping offsets        | model.safetensors
            unknown dtype              | model.safetensors
            missing tensor             | model.norm.weight
            unknown model_type         | model_type
            contradicting hidden_size  | model.
            no config                  | config.json
            broken config              | config.json
            """)
    void aBrokenCheckpointIsNamed(String damage, String part) throws IOException {
        Path folder = Golden.copy("mixtral/f32", temp).folder();
        damage(damage, folder.resolve("model.safetensors"), folder.resolve("config.json"));

        CommandLineRun run = CommandLineRun.of("generate", "-m", folder.toString(), "--prompt-ids", "1", "-n", "1");

        assertThat(run.status()).as(run.err()).isEqualTo(1);
        assertOneLine(run, part);
    }

    private static void damage(String damage, Path tensors, Path config) throws IOException {
        switch (damage) {
            case "truncated file" -> {
                byte[] bytes = Files.readAllBytes(tensors);
                Files.write(tensors, Arrays.copyOf(bytes, bytes.length - 1000));
            }
            case "header beyond the file" -> {
                byte[] bytes = Files.readAllBytes(tensors);
                ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, Long.MAX_VALUE);
                Files.write(tensors, bytes);
            }
            case "offsets beyond the file" -> header(tensors, "\"data_offsets\":\\[(\\d+),(\\d+)\\]",
                    "\"data_offsets\":[$1,9999999999]");
            case "overlapping offsets" -> header(tensors, "\"data_offsets\":\\[([1-9]\\d*),", "\"data_offsets\":[0,");
            case "unknown dtype" -> header(tensors, "\"dtype\":\"F32\"", "\"dtype\":\"Q32\"");
            case "missing tensor" -> header(tensors, "\"model\\.norm\\.weight\"", "\"model.norm.height\"");
            case "unknown model_type" -> edit(config, "\"model_type\": *\"mixtral\"", "\"model_type\": \"mistral9\"");
            case "contradicting hidden_size" -> edit(config, "\"hidden_size\": *\\d+", "\"hidden_size\": 128");
            case "no config" -> Files.delete(config);
            case "broken config" -> Files.writeString(config, "{\"model_type\": ");
            default -> throw new IllegalArgumentException(damage);
        }
    }

    private static void header(Path tensors, String pattern, String replacement) throws IOException {
        byte[] bytes = Files.readAllBytes(tensors);
        int length = Math.toIntExact(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(0));
        byte[] header = new String(bytes, 8, length, UTF_8)
                .replaceFirst(pattern, replacement)
                .getBytes(UTF_8);
        ByteBuffer changed = ByteBuffer.allocate(8 + header.length + bytes.length - 8 - length)
                .order(ByteOrder.LITTLE_ENDIAN);
        changed.putLong(header.length).put(header).put(bytes, 8 + length, bytes.length - 8 - length);
        assertThat(changed.array()).isNotEqualTo(bytes);
        Files.write(tensors, changed.array());
    }

    private static void edit(Path file, String pattern, String replacement) throws IOException {
        String before = Files.readString(file);
        String after = before.replaceFirst(pattern, replacement);
        assertThat(after).isNotEqualTo(before);
        Files.writeString(file, after);
    }

    private static void assertOneLine(CommandLineRun run, String part) {
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).startsWith("ma: ").contains(part).doesNotContain("Exception", "\tat ");
        assertThat(run.err().lines().toList()).as("lines").hasSize(1);
    }

    /** Guards the list above against a table that reads as nothing. */
    @Test
    void helpIsNoFailure() {
        for (List<String> args : List.of(List.<String>of(), List.of("help"), List.of("help", "help"), List.of("--help"),
                List.of("-h"))) {
            CommandLineRun run = CommandLineRun.of(args.toArray(String[]::new));
            assertThat(run.status()).isZero();
            assertThat(run.err()).isEmpty();
            assertThat(run.out()).contains("generate", "compare", "bench", "devices");
        }
    }
}
