package io.maseparation.parallel.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BalanceCommandTest {
    private static final String PUBLISHED = "[90,132,40,61,104,165,39,4,73,56,183,86]";

    @TempDir
    Path temp;

    private CommandLineRun run(String loads, String options) throws IOException {
        Path file = temp.resolve("loads.json");
        Files.writeString(file, loads);
        return CommandLineRun.of(CommandLineRun.words("balance --loads " + file + " " + options));
    }

    private JsonNode json(String loads, String options) throws IOException {
        CommandLineRun run = run(loads, options + " --format json");
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.err()).isEmpty();
        return JsonMapper.builder().build().readTree(run.out());
    }

    @Test
    void jsonHasTheExpertOfEverySlot() throws IOException {
        JsonNode result = json(PUBLISHED, "--gpus 8 --slots 16");

        assertThat(result.path("assignment")).hasSize(16);
        double[] loads = {90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86};
        double most = 0;
        for (int gpu = 0; gpu < 8; gpu++) {
            int a = result.at("/assignment/" + 2 * gpu).intValue();
            int b = result.at("/assignment/" + (2 * gpu + 1)).intValue();
            assertThat(a).isNotEqualTo(b);
            most = Math.max(most, loads[a] / result.at("/replicas/" + a).intValue()
                    + loads[b] / result.at("/replicas/" + b).intValue());
        }
        assertThat(result.path("imbalance").doubleValue()).isCloseTo(most / (1033 / 8.0), within(1e-9));
        assertThat(result.path("imbalance").doubleValue()).isCloseTo(1.0532, within(5e-5));
        assertThat(result.path("imbalance_bound").doubleValue()).isCloseTo(1.0532, within(5e-5));
        assertThat(result.path("imbalance_greedy").doubleValue()).isCloseTo(1.0726, within(5e-5));
        assertThat(result.path("optimal").booleanValue()).isTrue();
        assertThat(result.path("policy").textValue()).isEqualTo("global");
    }

    @Test
    void groupsStayOnNodesWhereNodesDivideThem() throws IOException {
        JsonNode result = json(PUBLISHED, "--gpus 8 --slots 16 --nodes 2 --groups 4");

        assertThat(result.path("policy").textValue()).isEqualTo("hierarchical");
        assertThat(result.path("imbalance").doubleValue()).isLessThan(1.2082);
        int[] nodeOfGroup = {-1, -1, -1, -1};
        for (int slot = 0; slot < 16; slot++) {
            int group = result.at("/assignment/" + slot).intValue() / 3;
            assertThat(nodeOfGroup[group]).isIn(-1, slot / 8);
            nodeOfGroup[group] = slot / 8;
        }
        assertThat(json(PUBLISHED, "--gpus 8 --slots 16 --nodes 2 --groups 3").path("policy").textValue())
                .isEqualTo("global");
    }

    @Test
    void layersAreBalancedOneByOne() throws IOException {
        JsonNode result = json("[[1,2,3],[3,2,1]]", "--gpus 2");

        assertThat(result.path("slots").intValue()).isEqualTo(4);
        assertThat(result.path("layers")).hasSize(2);
        assertThat(result.at("/layers/1/assignment")).hasSize(4);
        assertThat(result.at("/layers/1/imbalance").doubleValue())
                .isEqualTo(result.at("/layers/0/imbalance").doubleValue());
    }

    @Test
    void tablesShowBoundGreedyAndEveryGpu() throws IOException {
        for (String format : new String[] {"table", "md"}) {
            CommandLineRun run = run(PUBLISHED, "--gpus 8 --slots 16 --format " + format);
            assertThat(run.status()).as(run.err()).isZero();
            assertThat(run.out()).contains("1.0532", "1.0726", "lower bound", "optimal", "experts");
        }
        assertThat(run(PUBLISHED, "--gpus 8 --slots 16 --format csv").out().lines()).hasSize(9);
        assertThat(run("[1000,1,1,1,1,1,1,1]", "--gpus 4 --slots 12 --nodes 2 --groups 2").out())
                .contains("greedy puts an expert twice on a GPU");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {"a": 1}        | --gpus 2                                  | 1 | not an array of loads
            []              | --gpus 2                                  | 1 | not an array of loads
            7               | --gpus 2                                  | 1 | not an array of loads
            ''              | --gpus 2                                  | 1 | is empty
            [1,             | --gpus 2                                  | 1 | not valid JSON
            [1,2] 3         | --gpus 2                                  | 1 | not valid JSON
            [1,NaN]         | --gpus 2                                  | 1 | not valid JSON
            [1,-2]          | --gpus 2                                  | 1 | expert 1: -2 is not a load
            [1,"x"]         | --gpus 2                                  | 1 | expert 1: "x" is not a load
            [1,null]        | --gpus 2                                  | 1 | expert 1: null is not a load
            [1,1e999]       | --gpus 2                                  | 1 | expert 1
            [1e308,1e308]   | --gpus 2                                  | 1 | too large to be added
            [1,[2]]         | --gpus 2                                  | 1 | expert 1: [2] is not a load
            [[1,2],[3]]     | --gpus 1                                  | 1 | layer 1 has 1 expert, but layer 0 has 2
            [[1,2],3]       | --gpus 1                                  | 1 | layer 1 is not an array
            [1,2,3,4]       | --slots 4                                 | 2 | --gpus is needed
            [1,2,3,4]       | --gpus 0                                  | 2 | --gpus must be from 1
            [1,2,3,4]       | --gpus 2 --slots 3                        | 2 | --slots 3 is not a multiple of --gpus 2
            [1,2,3,4]       | --gpus 2 --slots 2                        | 2 | --slots 2 are fewer than the 4 experts
            [1,2,3,4]       | --gpus 2 --slots 10                       | 2 | no GPU holds one twice
            [1,2]           | --gpus 4 --slots 4 --nodes 3              | 2 | --gpus 4 do not divide into --nodes 3
            [1,2,3,4]       | --gpus 2 --slots 4 --groups 3             | 2 | 4 experts do not divide into --groups 3
            [1,2,3,4]       | --gpus 2 --slots 6 --nodes 2 --groups 2   | 2 | only 2 different experts for a node
            """)
    void whatMakesNoSenseIsOneLine(String loads, String options, int status, String part) throws IOException {
        CommandLineRun run = run(loads, options);

        assertThat(run.status()).as(run.err()).isEqualTo(status);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).startsWith("ma: ").contains(part).doesNotContain("Exception");
        assertThat(run.err().lines()).hasSize(1);
    }

    @Test
    void aFileThatIsNotThereOrTooLargeIsNamed() throws IOException {
        assertThat(CommandLineRun.of("balance", "--gpus", "2").err()).contains("--loads FILE is needed");
        CommandLineRun none = CommandLineRun.of("balance", "--loads", "no-such.json", "--gpus", "2");
        assertThat(none.err()).isEqualTo("ma: no-such.json: no such file\n");
        assertThat(none.status()).isOne();
        Path large = temp.resolve("large.json");
        try (java.io.RandomAccessFile file = new java.io.RandomAccessFile(large.toFile(), "rw")) {
            file.setLength(1L << 30);
        }
        assertThat(CommandLineRun.of("balance", "--loads", large.toString(), "--gpus", "2").err())
                .contains("large.json", "too much");
    }
}
