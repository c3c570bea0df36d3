package io.maseparation.parallel.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.Format;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClusterFileTest {
    @TempDir
    Path folder;

    static List<String> names() {
        return Clusters.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyNumberOfANamedClusterSaysItsSource(String name) {
        Cluster cluster = Clusters.named(name);
        assertThat(cluster.name()).isEqualTo(name);
        // Eight numbers a kind and a price where there is one, four of the links.
        assertThat(cluster.sources()).hasSizeGreaterThanOrEqualTo(8 * cluster.kinds().size() + 4);
        assertThat(cluster.sources()).noneMatch(s -> s.endsWith("not said"));
    }

    @Test
    void namesSayHowManyDevicesThereAre() {
        Cluster a100 = Clusters.named("a100x1024");
        assertThat(a100.size()).isEqualTo(1024);
        assertThat(a100.devices().get(7).node()).isZero();
        assertThat(a100.devices().get(8).node()).isEqualTo(1);
        assertThat(a100.devices().getLast().node()).isEqualTo(127);
        assertThat(Clusters.named("h200x2").devices().getLast().node()).isZero();
        Cluster unequal = Clusters.named("h20-l40s");
        assertThat(unequal.kindOf(0).roofline().bytesPerSecond())
                .isGreaterThan(4 * unequal.kindOf(15).roofline().bytesPerSecond());
        assertThat(unequal.kindOf(15).roofline().flopsPerSecond())
                .isGreaterThan(2 * unequal.kindOf(0).roofline().flopsPerSecond());
        assertThat(unequal.kinds()).allMatch(k -> k.pricePerHour() > 0);
    }

    /** AIConfigurator's published table. */
    @ParameterizedTest
    @CsvSource({"2048, 12.79", "2097152, 38.57", "134217728, 640.5", "1310720, 29.37", "1, 12.83"})
    void tablesAreInterpolated(double bytes, double microseconds) {
        CollectiveTable table = Clusters.named("a100x8").collectives().stream()
                .filter(t -> t.operation() == CollectiveTable.Operation.ALL_TO_ALL && t.devices() == 8)
                .findFirst()
                .orElseThrow();
        assertThat(table.seconds(bytes) * 1e6).isEqualTo(microseconds, within(0.01));
    }

    @Test
    void whatIsWrittenReadsBack() throws IOException {
        Cluster a100 = Clusters.named("a100x16");
        DeviceKind kind = a100.kinds().getFirst();
        Cluster measured = new Cluster("mine", "as measured",
                List.of(new DeviceKind(kind.name(), kind.memoryBytes(),
                        new Roofline(2e12, 3e14, 0.8, 0.7, Map.of(
                                Operation.ROUTER, new KernelFit(4e-6, 0.5, 0.6, 1.5),
                                Operation.PROJECTION, new KernelFit(0, 1, 1, Double.POSITIVE_INFINITY)),
                                Map.of(Format.Units.FP8, 2.0, Format.Units.F32, 0.25), KernelTables.NONE),
                        kind.launches(), kind.pricePerHour(),
                        2.5e10, 0.2, Map.of(Operation.EXPERT_UP, new OperationRate(3e-6, 1e11, 2e12, 4e-7)))),
                a100.devices(),
                new Links(a100.links().intraNode(), a100.links().interNode(), 5e10), new HostSharing(16, 2, 1.7, 0.2),
                a100.collectives(),
                new Profile(3e-4, new RelativeErrors(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), List.of()));
        Path file = folder.resolve("mine.json");
        ClusterFile.write(file, measured, "a test");
        Cluster read = Clusters.named(file.toString());
        assertThat(read).usingRecursiveComparison()
                .ignoringFields("profile.sources")
                .withEqualsForType((a, b) -> a.equals(b) || Math.abs(a - b) <= 1e-12 * Math.abs(a), Double.class)
                .isEqualTo(measured);
        assertThat(read.sources()).isNotEmpty().allMatch(s -> s.endsWith("a test"));
        assertThat(folder.toFile().list()).containsExactly("mine.json");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "\"value\": 4000000000000.0 | \"value\": -1 | memory_bandwidth_bytes_per_s: value is -1, outside 1 to",
        "\"bandwidth_efficiency\" | \"bandwith_efficiency\" | bandwidth_efficiency is missing",
        "\"name\": \"H20-96GB\" | \"kernels\": {\"router\": {}}, \"name\": \"H20-96GB\" | fixed_us is missing",
        "\"name\": \"H20-96GB\" | \"kernels\": {\"root\": {}}, \"name\": \"H20-96GB\" | is not an operation; there are",
        "\"name\": \"H20-96GB\" | \"kernel_table\": \"b200\", \"name\": \"H20-96GB\" | 'b200' is not there; there are a100, h100",
        "\"price_per_hour\" | \"price\" | 'price' is not known here; there are",
        "\"kind\": \"L40S-48GB\" | \"kind\": \"L40\" | 'L40' is not one of device_kinds, which are H20-96GB, L40S-48GB",
        "\"count\": 8 | \"count\": 0 | count is 0, outside 1 to 65536",
        "\"count\": 8 | \"count\": 7.5 | count is not a whole number: 7.5",
        "\"name\": \"L40S-48GB\" | \"name\": \"H20-96GB\" | 'H20-96GB' is there twice",
        "\"price_per_hour\" | \"price_per_hour\": 1, \"engine_step_us\" | 'engine_step_us' is not known here",
        "\"engine_step_us\": {\"value\": 0 | \"engine_step_us\": {\"value\": -1 | engine_step_us: value is -1, outside 0 to",
        "\"description\" | \"collectives\": [{\"operation\": \"all-reduce\", \"implementation\": \"ncll\", \"devices\": 2, "
                + "\"points\": [[1, 1]]}], \"description\" | implementation 'ncll' is neither custom nor nccl",
        "\"description\" | \"relative_errors\": {\"kernels\": 10}, \"description\" | kernels is 10, outside 0 to 9",
        "\"description\" | \"relative_errors\": {\"kernel\": 0}, \"description\" | 'kernel' is not known here",
        "\"description\" | \"shared_cores\" | shared_cores is not a number"
    })
    void whatMakesNoSenseIsNamed(String from, String to, String message) throws IOException {
        String text = resource("h20-l40s");
        assertThat(text).contains(from);
        Path file = folder.resolve("cluster.json");
        Files.writeString(file, text.replaceFirst(java.util.regex.Pattern.quote(from), to));
        assertThatThrownBy(() -> ClusterFile.read(file))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(message)
                .hasMessageStartingWith(file.toString())
                .message().doesNotContain("\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a100", "a100x0", "a100x99999", "b200x8", "", "no/such.json", "a100x16 "})
    void unknownNamesAreRefusedWithTheKnownOnes(String name) {
        assertThatThrownBy(() -> Clusters.named(name))
                .isInstanceOf(ModelException.class)
                .hasMessageStartingWith("cluster ")
                .message().doesNotContain("\n");
    }

    /** However a file is damaged, it is read or refused in one line. */
    @Property(tries = 300)
    void damagedFilesAreRefused(@ForAll long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        byte[] text = resource("h20-l40s").getBytes(StandardCharsets.UTF_8);
        for (int i = random.nextInt(4); i >= 0; i--) {
            text[random.nextInt(text.length)] = (byte) "0-9.eE{}[]\",: anull"
                    .charAt(random.nextInt(18));
        }
        Path file = Files.createTempFile("cluster", ".json");
        try {
            Files.write(file, text);
            Throwable thrown = catchThrowable(() -> ClusterFile.read(file));
            if (thrown != null) {
                assertThat(thrown).isInstanceOf(ModelException.class);
                assertThat(thrown.getMessage()).doesNotContain("\n").hasSizeLessThan(1000);
            }
        } finally {
            Files.delete(file);
        }
    }

    private static String resource(String name) {
        try (InputStream in = Clusters.class.getResourceAsStream(name + ".json")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
