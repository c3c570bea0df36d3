package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReproduceTest {
    @TempDir
    Path temp;

    @Test
    void printsClaimsAndWritesAReport() throws IOException {
        Path folder = temp.resolve("a/b");
        CommandLineRun run = CommandLineRun.of(
                "reproduce", "--quick", "--seed", "3", "-o", folder.toString(), "--format", "json");

        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.err()).isEqualTo("wrote " + folder.resolve("index.html") + System.lineSeparator());
        JsonNode claims = new ObjectMapper().readTree(run.out());
        assertThat(claims).hasSizeGreaterThanOrEqualTo(18).allSatisfy(claim -> {
            assertThat(claim.get("verdict").textValue()).isNotBlank();
            assertThat(claim.get("claimed_value").isNumber()).isTrue();
        });
        assertThat(folder.resolve("index.html")).isNotEmptyFile();
        assertThat(folder.resolve("claims.csv")).isNotEmptyFile();
    }

    @Test
    void aFileInsteadOfAFolderIsRefusedAtOnce() throws IOException {
        Path file = Files.writeString(temp.resolve("report"), "mine");
        CommandLineRun run = CommandLineRun.of("reproduce", "-o", file.toString());

        assertThat(run.status()).isEqualTo(2);
        assertThat(run.out()).isEmpty();
        assertThat(run.err().lines()).hasSize(1).allMatch(l -> l.contains("--output " + file + " is a file"));
        assertThat(file).hasContent("mine");
    }

    @Test
    void aFolderBelowAFileIsRefusedAtOnce() throws IOException {
        Path file = Files.writeString(temp.resolve("report"), "mine");
        CommandLineRun run = CommandLineRun.of("reproduce", "-o", file.resolve("inside").toString());

        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err().lines()).hasSize(1).allMatch(l -> l.contains(file + " is a file"));
    }

    @Test
    void devicesThatHoldNoneOfThePapersLayoutsAreOneLine() throws IOException {
        Path cluster = temp.resolve("small.json");
        Files.writeString(cluster, """
                {"name": "small", "device_kinds": [{"name": "d", "memory_bytes": 1e9,
                 "memory_bandwidth_bytes_per_s": 2e12, "flops_per_s": 3e14, "bandwidth_efficiency": 1,
                 "flops_efficiency": 1, "eager_launch_us": 1, "graph_launch_us": 1, "graph_start_us": 1}],
                 "nodes": [[{"kind": "d", "count": 16}]], "intra_node": {"latency_us": 1, "bytes_per_s": 3e11},
                 "inter_node": {"latency_us": 1, "bytes_per_s": 3e11}}
                """);
        CommandLineRun run =
                CommandLineRun.of("reproduce", "--quick", "--cluster", cluster.toString(), "-o",
                        temp.resolve("r").toString());

        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err().lines()).hasSize(1).allMatch(l -> l.contains("more memory per device"));
        assertThat(temp.resolve("r")).doesNotExist();
    }

    @Test
    void anUnknownClusterIsOneLine() {
        CommandLineRun run = CommandLineRun.of("reproduce", "--cluster", "a10x", "-o", temp.resolve("r").toString());

        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err().lines()).hasSize(1).allMatch(l -> l.contains("a10x"));
        assertThat(temp.resolve("r")).doesNotExist();
    }
}
