package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.moe.Presets;
import io.maseparation.moe.testing.Golden;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Planning;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ranks as processes that {@code mpirun} starts: the same bits as threads, and an end when one of them fails. */
@Tag("mpi")
@Timeout(300)
class MpiTest {
    /** From a rank's end to that of all others, at most. */
    private static final Duration ALL_END = Duration.ofSeconds(10);

    /** Many sequences of a model that is there at once: a step takes some milliseconds, and there are 500. */
    private static final List<String> LONG_RUN = longRun();

    @TempDir
    Path temp;

    /** A run that goes on while something is done to it, of three ranks. */
    private static List<String> longRun() {
        List<String> args = new ArrayList<>(List.of("generate", "-m", "tiny", "-n", "500", "--ignore-eos", "--strategy",
                "ma", "--attention-devices", "1", "--expert-devices", "2", "--transport", "mpi"));
        for (int i = 0; i < 12; i++) {
            args.addAll(List.of("--prompt-ids", "1,2,3"));
        }
        return args;
    }

    @BeforeAll
    static void needsALauncher() {
        assumeTrue(MpiJob.launcherIsThere(), "there is no mpirun: install openmpi-bin");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "2 --strategy ma --attention-devices 1 --expert-devices 1",
        "4 --strategy ma --attention-devices 3 --expert-devices 1 --micro-batches 2",
        "7 --strategy ma --attention-devices 2 --expert-devices 5 --micro-batches 2 --prefill-chunk 5",
        "4 --strategy tp-pp --tensor-parallel-size 2 --pipeline-parallel-size 2 --micro-batches 2",
        "2 --strategy ep --expert-parallel-size 2 --micro-batches 2"})
    void tokensAndLogitsAreThoseOfThreads(String job) throws Exception {
        int space = job.indexOf(' ');
        Golden golden = Golden.copy("mixtral/f32", temp);
        List<String> args = new ArrayList<>(List.of("generate", "-m", golden.folder().toString(), "--ignore-eos", "-n",
                "32", "--logits", "--format", "json", "--body", "portable"));
        for (int[] prompt : golden.prompts()) {
            args.add("--prompt-ids");
            args.add(Arrays.stream(prompt).mapToObj(String::valueOf).collect(Collectors.joining(",")));
        }
        args.addAll(List.of(CommandLineRun.words(job.substring(space + 1))));
        JsonNode threads = outputs(CommandLineRun.of(args.toArray(String[]::new)));
        args.addAll(List.of("--transport", "mpi"));

        try (MpiJob processes = MpiJob.start(temp, Integer.parseInt(job.substring(0, space)), args)) {
            CommandLineRun run = processes.end();

            assertThat(processes.complaints()).isEmpty();
            JsonNode outputs = outputs(run);
            assertThat(outputs).isEqualTo(threads);
            for (int i = 0; i < outputs.size(); i++) {
                assertThat(outputs.get(i).get("token_ids").toString())
                        .isEqualTo(Arrays.toString(golden.greedy().get(i)).replace(" ", ""));
            }
        }
    }

    /**
     * A preset of which each rank makes its own part, sampling with a penalty of what came before, and a context; with
     * the bodies of the Vector API.
     */
    @Test
    void sampledTokensAreThoseOfThreads() throws Exception {
        List<String> args = new ArrayList<>(List.of("generate", "-m", "tiny", "--prompt-ids", "1,2,3", "--prompt-ids",
                "4,5", "-n", "8", "--temperature", "0.9", "--top-p", "0.9", "--seed", "5", "--repetition-penalty",
                "1.3", "-d", "8", "--strategy", "ma", "--attention-devices", "2", "--expert-devices", "1", "--format",
                "json"));
        JsonNode threads = outputs(CommandLineRun.of(args.toArray(String[]::new)));
        args.addAll(List.of("--transport", "mpi"));

        try (MpiJob processes = MpiJob.startWithVectors(temp, 3, args)) {
            CommandLineRun run = processes.end();

            assertThat(outputs(run)).isEqualTo(threads);
            JsonNode ranks = new ObjectMapper().readTree(run.out()).get("ranks");
            assertThat(ranks).hasSize(3).allSatisfy(rank -> {
                assertThat(rank.get("bytes_sent").longValue()).isPositive();
                assertThat(rank.get("busy_ms").doubleValue()).isPositive();
            });
        }
    }

    private static JsonNode outputs(CommandLineRun run) throws Exception {
        assertThat(run.status()).as(run.err()).isZero();
        return new ObjectMapper().readTree(run.out()).get("outputs");
    }

    @Test
    void eachRankNeedsItsProcess() throws Exception {
        try (MpiJob job = MpiJob.start(temp, 2, LONG_RUN)) {
            CommandLineRun run = job.end();

            assertThat(run.status()).isEqualTo(2);
            assertThat(run.out()).isEmpty();
            assertThat(job.complaints()).singleElement().asString()
                    .isEqualTo("ma: --transport mpi: the layout has 3 ranks, and there are 2 processes: start it with"
                            + " mpirun -n 3");
        }
    }

    @Test
    void withoutMpirunItSaysHowToStart() {
        CommandLineRun run = CommandLineRun.of(LONG_RUN.toArray(String[]::new));

        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).startsWith("ma: this process was not started by mpirun").contains("mpirun -n")
                .hasLineCount(1);
    }

    /** Two on one device, and two that changed places; those in their order are looked at no further. */
    @ParameterizedTest
    @CsvSource({"0 0, 2", "1 0, 2", "0 1, 1"})
    void aPlanThatPutsRanksElsewhereIsRefused(String devices, int status) {
        PlanFile plan = PlanFile.of(Planning.plan(Presets.config("tiny"), Layout.separated(1, 1)).withDevices(
                Stream.of(devices.split(" ", -1)).map(Integer::valueOf).toList()));
        Path file = temp.resolve("plan.json");
        plan.write(file);

        CommandLineRun run = CommandLineRun.of("generate", "--plan", file.toString(), "--prompt-ids", "1",
                "--transport", "mpi");

        assertThat(run.status()).isEqualTo(status);
        assertThat(run.err()).hasLineCount(1).contains(status == 2
                ? "plan.json: devices: ranks are not on 0 to 1 in their order"
                : "was not started by mpirun");
    }

    @Test
    void ranksOfDifferentPlansDoNotRun() throws Exception {
        assertRefused("--micro-batches 2", "plan");
    }

    @ParameterizedTest
    @Tag("long")
    @CsvSource({"--model-seed 3, model", "--max-tokens 7, command line"})
    void ranksThatDifferDoNotRun(String other, String what) throws Exception {
        assertRefused(other, what);
    }

    private void assertRefused(String other, String what) throws Exception {
        String usual = "generate -m tiny --prompt-ids 1,2 --strategy ma --attention-devices 1 --expert-devices 1"
                + " --transport mpi";
        List<String> both = new ArrayList<>(List.of("-n", "1"));
        both.addAll(MpiJob.java(List.of(CommandLineRun.words(usual))));
        both.addAll(List.of(":", "-n", "1"));
        both.addAll(MpiJob.java(List.of(CommandLineRun.words(usual + " " + other))));

        try (MpiJob job = MpiJob.start(temp, both)) {
            CommandLineRun run = job.end();

            assertThat(run.status()).isEqualTo(1);
            assertThat(run.out()).isEmpty();
            assertThat(job.complaints()).singleElement().asString()
                    .startsWith("ma: rank 1 has another " + what + " than rank 0: ");
        }
    }

    @Test
    void aRankThatIsKilledEndsAllOthers() throws Exception {
        try (MpiJob job = MpiJob.start(temp, 3, LONG_RUN)) {
            Map<Integer, ProcessHandle> ranks = generating(job);
            ranks.get(1).destroyForcibly();

            assertAllEnd(job, ranks);
            assertThat(job.err()).contains("rank 1");
        }
    }

    @Test
    void aRankThatIsStoppedEndsAllOthers() throws Exception {
        stopped(2);
    }

    @Test
    @Tag("long")
    void theLeaderThatIsStoppedEndsAllOthers() throws Exception {
        stopped(0);
    }

    private void stopped(int stopped) throws Exception {
        try (MpiJob job = MpiJob.start(temp, 3, LONG_RUN)) {
            Map<Integer, ProcessHandle> ranks = generating(job);
            MpiJob.signal("STOP", ranks.get(stopped).pid());

            assertAllEnd(job, ranks);
            assertThat(job.complaints()).isNotEmpty().allSatisfy(
                    line -> assertThat(line).contains("ma: rank " + stopped + " is lost: nothing was heard of it for"));
        }
    }

    /** As the operating system sees it: what an expert rank has less where there are three of them. */
    @Test
    @Tag("long")
    void oneOfThreeExpertRanksHoldsAThirdOfTheExperts() throws Exception {
        // Layers, experts, matrices, their sizes, and bytes of a weight.
        long experts = 8L * 16 * 3 * 512 * 1024 * 2;
        long all = residentAsExperts(1).getFirst();

        assertThat(residentAsExperts(3)).hasSize(3).allSatisfy(
                // Of 16 experts a rank has five or six.
                some -> assertThat(1 - (double) (all - some) / experts).isBetween(0.26, 0.42));
    }

    /** Resident bytes of each expert rank while {@code small} runs. */
    private List<Long> residentAsExperts(int ranks) throws Exception {
        List<String> args = List.of("generate", "-m", "small", "--prompt-ids", "1,2,3", "-n", "1900", "--ignore-eos",
                "--strategy", "ma", "--attention-devices", "1", "--expert-devices", String.valueOf(ranks),
                "--transport", "mpi");
        try (MpiJob job = MpiJob.start(temp, 1 + ranks, args)) {
            Map<Integer, ProcessHandle> processes = generating(job, 1 + ranks);
            List<Long> resident = new ArrayList<>();
            for (int rank = 1; rank <= ranks; rank++) {
                resident.add(MpiJob.resident(processes.get(rank)));
            }
            return resident;
        }
    }

    /** The processes of the long run, when all of them compute. */
    private static Map<Integer, ProcessHandle> generating(MpiJob job) throws Exception {
        return generating(job, 3);
    }

    private static Map<Integer, ProcessHandle> generating(MpiJob job, int processes) throws Exception {
        // Tokens come as they are sampled, after the prompt.
        MpiJob.await(Duration.ofSeconds(200), () -> !job.isAlive() || tokens(job) > 5);
        Map<Integer, ProcessHandle> ranks = job.ranks();
        assertThat(ranks).as(job.err()).hasSize(processes);
        return ranks;
    }

    private static int tokens(MpiJob job) throws IOException {
        String out = job.out();
        int first = out.indexOf("sequence 0, 3 prompt tokens:\n");
        return first < 0 ? 0 : out.substring(first).split("\n", -1)[1].split(" ", -1).length;
    }

    private static void assertAllEnd(MpiJob job, Map<Integer, ProcessHandle> ranks) throws Exception {
        MpiJob.await(ALL_END, () -> !job.isAlive() && ranks.values().stream().noneMatch(MpiJob::runs));
        assertThat(job.isAlive()).as("mpirun goes on").isFalse();
        assertThat(ranks.values().stream().filter(MpiJob::runs)).as("ranks that go on").isEmpty();
        assertThat(job.end().status()).isNotZero();
    }

    @Test
    @Tag("long")
    void onTwoHostsTokensAreThoseOfThreadsAndACutEndsBoth() throws Exception {
        assumeTrue(TwoHosts.permitted(temp), "network namespaces are not permitted here");
        List<String> args = new ArrayList<>(List.of("generate", "-m", "tiny", "--prompt-ids", "1,2,3", "-n", "12",
                "--strategy", "ma", "--attention-devices", "1", "--expert-devices", "2", "--format", "json", "--body",
                "portable"));
        JsonNode threads = outputs(CommandLineRun.of(args.toArray(String[]::new)));
        args.addAll(List.of("--transport", "mpi"));
        try (TwoHosts hosts = TwoHosts.start(temp)) {
            try (MpiJob job = hosts.start(3, args)) {
                CommandLineRun run = job.end();

                assertThat(run.status()).as(run.err()).isZero();
                assertThat(run.out()).contains("10.18.0.2");
                assertThat(new ObjectMapper().readTree(run.out().substring(run.out().indexOf('{'))).get("outputs"))
                        .isEqualTo(threads);
            }
            try (MpiJob job = hosts.start(3, LONG_RUN)) {
                Map<Integer, ProcessHandle> ranks = generating(job);
                hosts.cut();

                // mpirun may wait for the daemon of the other host for ever.
                MpiJob.await(ALL_END, () -> ranks.values().stream().noneMatch(MpiJob::runs));
                assertThat(ranks.values().stream().filter(MpiJob::runs)).as("ranks that go on").isEmpty();
                assertThat(job.complaints()).isNotEmpty().allSatisfy(line -> assertThat(line).contains(" is lost: "));
            }
        }
    }

    @Test
    @Tag("long")
    void ctrlCEndsItWithWhatThereIs() throws Exception {
        // A second is short for what there is to say on cores that others use, too.
        List<String> patient = new ArrayList<>(List.of("--mca", "odls_base_sigkill_timeout", "9", "-n", "3"));
        patient.addAll(MpiJob.java(LONG_RUN));
        try (MpiJob job = MpiJob.start(temp, patient)) {
            Map<Integer, ProcessHandle> ranks = generating(job);
            MpiJob.signal("INT", job.pid());
            CommandLineRun run = job.end();

            assertThat(run.status()).isNotZero();
            assertThat(run.out())
                    .matches("(?s)sequence 0, 3 prompt tokens:\\n[\\d ]+\\n\\(\\d{1,4} generated\\)\\n.*TPOT.*");
            assertThat(job.complaints()).isEmpty();
            assertThat(ranks.values().stream().filter(MpiJob::runs)).as("ranks that go on").isEmpty();
        }
    }
}
