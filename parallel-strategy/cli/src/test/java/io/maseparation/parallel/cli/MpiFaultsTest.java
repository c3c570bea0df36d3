package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A rank is killed or stopped at any time of a run: all others end soon, and say which one it was. As many rounds as
 * {@code ma.faultRounds} says, of all times and both signals each, with a rank and a moment of their own: that is
 * {@code .ci/faults}.
 */
@Tag("mpi")
@Tag("long")
@Timeout(300)
class MpiFaultsTest {
    private static final int ROUNDS = Integer.getInteger("ma.faultRounds", 1);
    private static final int RANKS = 3;
    private static final Duration ALL_END = Duration.ofSeconds(10);
    private static final Duration LONGEST_PHASE = Duration.ofSeconds(200);

    @TempDir
    Path temp;

    /** What a rank is at, as its threads and what rank 0 printed show it. */
    enum Phase {
        /** The JVM is there, and MPI has not started. */
        START("tiny", 3, 4), LOAD("small", 3, 4), PREFILL("small", 400, 4), DECODE("tiny", 3, 500),
        /** The last token is there. */
        SHUTDOWN("tiny", 3, 4);

        final String model;
        final int promptTokens;
        final int tokens;

        Phase(String model, int promptTokens, int tokens) {
            this.model = model;
            this.promptTokens = promptTokens;
            this.tokens = tokens;
        }

        List<String> command() {
            List<String> args = new ArrayList<>(List.of("generate", "-m", model, "-n", String.valueOf(tokens),
                    "--ignore-eos", "--strategy", "ma", "--attention-devices", "1", "--expert-devices",
                    String.valueOf(RANKS - 1), "--transport", "mpi"));
            String prompt = IntStream.rangeClosed(1, promptTokens).mapToObj(String::valueOf)
                    .collect(Collectors.joining(","));
            // Decoding goes on while something is done to it.
            for (int i = 0; i < (this == DECODE ? 12 : 1); i++) {
                args.addAll(List.of("--prompt-ids", prompt));
            }
            return args;
        }

        boolean began(MpiJob job, ProcessHandle rank) throws IOException {
            return switch (this) {
                case START -> !threads(rank).isEmpty();
                case LOAD -> threads(rank).contains("mpi-heartbeat");
                case PREFILL -> threads(rank).stream().anyMatch(name -> name.startsWith("rank-"));
                case DECODE -> job.out().matches("(?s)sequence 0, 3 prompt tokens:\\n(\\d+ ){5}.*");
                case SHUTDOWN -> job.out().contains("generated)");
            };
        }

        private static boolean waitsForMpi(ProcessHandle rank) {
            return threads(rank).contains("mpi-limit");
        }

        /** Names of a process's threads, which Linux cuts at 15 letters. */
        private static Collection<String> threads(ProcessHandle process) {
            try (Stream<Path> tasks = Files.list(Path.of("/proc", String.valueOf(process.pid()), "task"))) {
                return tasks.map(Phase::name).toList();
            } catch (IOException e) {
                return List.of();
            }
        }

        private static String name(Path task) {
            try {
                return Files.readString(task.resolve("comm")).strip();
            } catch (IOException e) {
                // It has ended.
                return "";
            }
        }
    }

    /** What is done to a rank: to one of its own choice, and a moment after the phase began. */
    record Fault(int round, Phase phase, String signal, int rank, long millis) {}

    static Stream<Fault> faults() {
        Random random = new Random();
        return IntStream.rangeClosed(1, ROUNDS).boxed()
                .flatMap(round -> Arrays.stream(Phase.values()).flatMap(phase -> Stream.of("KILL", "STOP").map(
                        signal -> new Fault(round, phase, signal, random.nextInt(RANKS),
                                random.nextInt(phase == Phase.SHUTDOWN ? 60 : 300)))));
    }

    @BeforeAll
    static void needsALauncher() {
        assumeTrue(MpiJob.launcherIsThere(), "there is no mpirun: install openmpi-bin");
    }

    @ParameterizedTest
    @MethodSource("faults")
    void allOthersEndAndNameIt(Fault fault) throws Exception {
        try (MpiJob job = MpiJob.start(temp, RANKS, fault.phase().command())) {
            assertThat(MpiJob.await(LONGEST_PHASE, () -> !job.isAlive() || job.ranks().size() == RANKS)).isTrue();
            Map<Integer, ProcessHandle> ranks = job.ranks();
            assertThat(ranks).as(job.err()).hasSize(RANKS);
            ProcessHandle victim = ranks.get(fault.rank());
            long launcher = job.pid();
            assertThat(MpiJob.await(LONGEST_PHASE, () -> !job.isAlive() || fault.phase().began(job, victim)))
                    .as(job.err()).isTrue();
            Thread.sleep(fault.millis());
            boolean late = !MpiJob.runs(victim);
            MpiJob.signal(fault.signal(), victim.pid());
            if (fault.phase() == Phase.START) {
                // Whoever sees it has to be there itself.
                MpiJob.await(LONGEST_PHASE, () -> !job.isAlive()
                        || ranks.values().stream().allMatch(rank -> rank.equals(victim) || Phase.waitsForMpi(rank)));
            }
            long hit = System.nanoTime();

            boolean ended = MpiJob.await(ALL_END,
                    () -> !job.isAlive() && ranks.values().stream().noneMatch(MpiJob::runs));
            double seconds = (System.nanoTime() - hit) / 1e9;
            System.out.printf("%s: %s after %.1f s, status %s%n", fault,
                    late ? "had ended before" : ended ? "all ended" : "still there", seconds,
                    job.isAlive() ? "none" : job.end().status());
            assertThat(ended).as("%s: %s", fault, job.err()).isTrue();
            assertThat(ProcessHandle.of(launcher).filter(MpiJob::runs)).isEmpty();
            // It may end by itself just before the signal, or between the look and that.
            if (late || (fault.phase() == Phase.SHUTDOWN && job.end().status() == 0)) {
                assertThat(fault.phase()).isEqualTo(Phase.SHUTDOWN);
                assertThat(job.end().status()).as(job.err()).isZero();
                return;
            }
            assertThat(job.end().status()).as(job.err()).isNotZero();
            assertThat(job.err()).contains("rank " + fault.rank());
            assertThat(job.complaints()).allSatisfy(
                    line -> assertThat(line).contains("rank " + fault.rank() + " is lost: "));
            if (fault.signal().equals("STOP")) {
                assertThat(job.complaints()).isNotEmpty();
            }
            // Nothing half-written, and nothing at all but what it prints.
            try (Stream<Path> files = Files.list(job.folder())) {
                assertThat(files).isEmpty();
            }
        }
    }
}
