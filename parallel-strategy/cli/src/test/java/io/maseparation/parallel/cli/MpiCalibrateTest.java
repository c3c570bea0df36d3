package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.cluster.Link;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Links that are measured between processes, and what becomes of them. */
@Tag("mpi")
@Timeout(200)
class MpiCalibrateTest {
    private static final Duration ALL_END = Duration.ofSeconds(10);
    private static final double LARGE = 6 << 20;

    @TempDir
    Path temp;

    @BeforeAll
    static void needsALauncher() {
        assumeTrue(MpiJob.launcherIsThere(), "there is no mpirun: install openmpi-bin");
    }

    private List<String> command(String... more) {
        List<String> args =
                new ArrayList<>(List.of("calibrate", "-m", "tiny", "-r", "1", "--batch", "1", "--transport", "mpi"));
        args.addAll(List.of(more));
        return args;
    }

    @Test
    @Tag("long")
    void linksBetweenProcessesAreMeasuredAndSimulationsUseThem() throws Exception {
        Path file = temp.resolve("profile.json");
        JsonNode json;
        try (MpiJob job = MpiJob.startWithVectors(temp, 2, command("-o", file.toString(), "--format", "json"))) {
            CommandLineRun run = job.end();
            assertThat(run.status()).as(run.err()).isZero();
            assertThat(run.err()).isEmpty();
            json = new ObjectMapper().readTree(run.out());
        }

        assertThat(between(json)).containsExactly("threads", "processes of a host");
        JsonNode processes = json.get("links").get(1);
        Cluster cluster = Clusters.named(file.toString());
        Link link = cluster.links().intraNode();
        assertThat(1e6 * link.latencySeconds()).isEqualTo(processes.get("latency_us").doubleValue());
        assertThat(link.bytesPerSecond()).isEqualTo(processes.get("bytes_per_s").doubleValue());
        assertThat(link.latencySeconds()).isPositive().isFinite();
        assertThat(link.bytesPerSecond()).isPositive().isFinite();
        assertThat(cluster.sources())
                .allMatch(s -> s.contains("measured by ma calibrate -m tiny --transport mpi on 20"));
        double[] direct = pingPong();
        assertThat(link.seconds(LARGE)).isBetween(direct[0] / 3, 3 * direct[1]);
        simulationsUse(file);
    }

    private static List<String> between(JsonNode json) {
        List<String> names = new ArrayList<>();
        json.get("links").forEach(link -> names.add(link.get("between").textValue()));
        return names;
    }

    /** The same devices on two nodes, with the link between these as it is and with a slower one. */
    private void simulationsUse(Path file) throws Exception {
        ObjectNode profile = (ObjectNode) new ObjectMapper().readTree(file.toFile());
        profile.set("nodes", new ObjectMapper().readTree(
                "[[{\"kind\": \"embedded\", \"count\": 1}], [{\"kind\": \"embedded\", \"count\": 1}]]"));
        double fast = tpotMs(profile);
        ((ObjectNode) profile.get("inter_node")).put("latency_us", 100_000);

        assertThat(tpotMs(profile)).isGreaterThan(fast + 100);
    }

    private double tpotMs(JsonNode profile) throws Exception {
        Path file = temp.resolve("changed.json");
        Files.writeString(file, profile.toString());
        CommandLineRun run = CommandLineRun.of("simulate", "-m", "tiny", "--cluster", file.toString(), "--batch", "4",
                "--context", "32", "--strategy", "ma", "--attention-devices", "1", "--expert-devices", "1", "--format",
                "json");
        assertThat(run.status()).as(run.err()).isZero();
        return new ObjectMapper().readTree(run.out()).get("tpot_ms").doubleValue();
    }

    /** Least and most seconds that as long a message takes one way. */
    private double[] pingPong() throws Exception {
        List<String> command = new ArrayList<>(List.of("-n", "2"));
        command.addAll(MpiJob.java(List.of()));
        command.set(command.size() - 1, MpiPingPong.class.getName());
        try (MpiJob job = MpiJob.start(temp, command)) {
            CommandLineRun run = job.end();
            assertThat(run.status()).as(run.err()).isZero();
            return Stream.of(run.out().strip().split(" ", -1)).mapToDouble(Double::parseDouble).toArray();
        }
    }

    @Test
    void oneProcessIsRefused() throws Exception {
        try (MpiJob job = MpiJob.start(temp, 1, command())) {
            CommandLineRun run = job.end();

            assertThat(run.status()).isEqualTo(2);
            assertThat(run.out()).isEmpty();
            assertThat(job.complaints()).singleElement().asString()
                    .isEqualTo(
                            "ma: --transport mpi: messages between processes are measured, and there is 1 process: start"
                                    + " it with mpirun -n 2, or more");
        }
    }

    @Test
    @Tag("long")
    void aRankThatIsKilledEndsTheOther() throws Exception {
        lost("KILL");
    }

    @Test
    @Tag("long")
    void aRankThatIsStoppedEndsTheOther() throws Exception {
        lost("STOP");
    }

    private void lost(String signal) throws Exception {
        Path file = temp.resolve("profile.json");
        try (MpiJob job = MpiJob.start(temp, 2, command("-o", file.toString()))) {
            assertThat(MpiJob.await(Duration.ofSeconds(60), () -> !job.isAlive()
                    || (job.ranks().size() == 2 && MpiFaultsTest.Phase.LOAD.began(job, job.ranks().get(1))))).isTrue();
            Map<Integer, ProcessHandle> ranks = job.ranks();
            assertThat(ranks).as(job.err()).hasSize(2);
            MpiJob.signal(signal, ranks.get(1).pid());

            assertThat(MpiJob.await(ALL_END,
                    () -> !job.isAlive() && ranks.values().stream().noneMatch(MpiJob::runs))).as(job.err()).isTrue();
            assertThat(job.end().status()).isNotZero();
            assertThat(job.err()).contains("rank 1");
            assertThat(job.complaints()).allSatisfy(line -> assertThat(line).contains("rank 1 is lost: "));
            assertThat(file).doesNotExist();
        }
    }

    /** One process on the first host, and two on the second. */
    @Test
    @Tag("long")
    void onTwoHostsTheLinkBetweenThemIsMeasured() throws Exception {
        assumeTrue(TwoHosts.permitted(temp), "network namespaces are not permitted here");
        Path file = temp.resolve("profile.json");
        try (TwoHosts hosts = TwoHosts.start(temp);
                MpiJob job = hosts.startWithVectors(3, command("-o", file.toString(), "--format", "json"))) {
            CommandLineRun run = job.end();
            assertThat(run.status()).as(run.err()).isZero();
            JsonNode json = new ObjectMapper().readTree(run.out().substring(run.out().indexOf('{')));

            assertThat(between(json)).containsExactly("threads", "processes of a host", "hosts");
            Cluster cluster = Clusters.named(file.toString());
            assertThat(cluster.devices()).extracting(Cluster.Device::node).containsExactly(0, 1, 1);
            for (Link link : List.of(cluster.links().intraNode(), cluster.links().interNode())) {
                assertThat(link.latencySeconds()).isPositive().isFinite();
                assertThat(link.bytesPerSecond()).isPositive().isFinite();
            }
            assertThat(1e6 * cluster.links().interNode().latencySeconds())
                    .isEqualTo(json.get("links").get(2).get("latency_us").doubleValue());
            simulationsUse(file);
        }
    }
}
