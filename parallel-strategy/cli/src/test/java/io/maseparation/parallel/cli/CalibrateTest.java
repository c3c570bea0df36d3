package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.kernels.LargePages;
import io.maseparation.kernels.Operation;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.ShapeTimes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/** The command from end to end; what it measures is not asserted, only that all of it is there. */
@DisabledIfEnvironmentVariable(named = "TORNADOVM_HOME", matches = ".+", disabledReason = "embedded devices only")
class CalibrateTest {
    @TempDir
    Path folder;

    @Test
    void measuresWritesAndChecksEveryStrategy() throws IOException {
        Path file = folder.resolve("profile.json");
        CommandLineRun run = CommandLineRun.of(
                "calibrate", "-m", "tiny", "-r", "1", "-n", "3", "-o", file.toString(), "--format", "json");
        assertThat(run.err()).isEmpty();
        assertThat(run.status()).isZero();
        JsonNode json = new ObjectMapper().readTree(run.out());
        List<String> strategies = new ArrayList<>();
        for (JsonNode entry : json.get("strategies")) {
            strategies.add(entry.get("strategy").asText());
            assertThat(entry.get("measured_step_ms").asDouble()).isPositive();
            assertThat(entry.get("simulated_tpot_ms").asDouble()).isPositive();
            assertThat(entry.get("error").asDouble()).isGreaterThan(-1);
            assertThat(entry.get("rates_tpot_ms").asDouble()).isPositive();
        }
        assertThat(strategies).contains("single", "tp-pp", "ep", "ma");
        assertThat(json.get("segments").size()).isGreaterThanOrEqualTo(10);
        assertThat(json.get("contention").asDouble()).isBetween(0.0, HostSharing.MOST_CONTENTION);

        Cluster cluster = Clusters.named(file.toString());
        assertThat(cluster.host().cores()).isPositive();
        assertThat(cluster.kinds().getFirst().measured())
                .containsKeys(Operation.EXPERT_UP, Operation.DECODE_ATTENTION, Operation.ROUTER, Operation.ARG_MAX);
        // Products by rows, attention by positions, experts by rows, width (whole and halved) and how many are visited.
        assertThat(shapes(cluster, Operation.ROUTER)).hasSize(1);
        assertThat(shapes(cluster, Operation.PROJECTION)).hasSizeGreaterThanOrEqualTo(3);
        assertThat(shapes(cluster, Operation.DECODE_ATTENTION)).hasSizeGreaterThan(4)
                .allMatch(c -> c.points().size() >= 2);
        for (Operation operation : List.of(Operation.EXPERT_UP, Operation.EXPERT_DOWN)) {
            assertThat(shapes(cluster, operation).stream().map(c -> c.shape().getFirst()).distinct()).hasSize(2);
            assertThat(shapes(cluster, operation).stream().map(c -> c.shape().getLast()).distinct())
                    .hasSizeGreaterThan(2);
        }
        assertThat(cluster.sources()).allMatch(s -> s.contains("measured by ma calibrate -m tiny on 20"));
        CommandLineRun simulated = CommandLineRun.of("simulate", "-m", "tiny", "--cluster", file.toString(), "--batch",
                "4", "--context", "32", "--strategy", "ma", "--format", "json");
        assertThat(simulated.err()).isEmpty();
        assertThat(simulated.status()).isZero();
        assertThat(simulated.out()).contains("measured by shape");
    }

    /** Caches of terabytes. */
    @Test
    void whatTheMemoryCannotTakeIsRefusedBeforeAnythingIsMade() {
        long before = LargePages.bytes();
        CommandLineRun run = CommandLineRun.of(
                "calibrate", "-m", "qwen3-30b-a3b", "--batch", "256", "-d", "40000", "-n", "28", "--no-check");
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.err().lines())
                .singleElement(InstanceOfAssertFactories.STRING)
                .contains("not enough memory for the weights of qwen3-30b-a3b and measurements of 256 sequences",
                        "lower --batch or --n-depth, or use --kv-dtype f16");
        assertThat(LargePages.bytes()).isLessThanOrEqualTo(before);
    }

    private static List<ShapeTimes.Curve> shapes(Cluster cluster, Operation operation) {
        return cluster.kinds().getFirst().measured().entrySet().stream()
                .filter(e -> e.getKey() == operation)
                .flatMap(e -> e.getValue().shapes().curves().stream())
                .toList();
    }
}
