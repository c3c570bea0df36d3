package io.maseparation.moe;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.files.ModelException;
import io.maseparation.moe.testing.Fuzz;
import io.maseparation.moe.testing.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Whatever is in a file, opening it and reading its tensors gives tensors or a ModelException of one line, without more
 * memory than a small file explains. {@code -Dma.fuzzTimes=N} does N times as much.
 */
class SafetensorsFuzzTest {
    private static Path folder;

    @BeforeContainer
    static void create() throws IOException {
        folder = Files.createTempDirectory("safetensors-fuzz");
    }

    @AfterContainer
    static void delete() throws IOException {
        Files.deleteIfExists(folder.resolve("model.safetensors"));
        Files.deleteIfExists(folder);
    }

    @Property(tries = 400)
    void anyBytes(@ForAll("bytes") List<byte[]> files) {
        files.forEach(bytes -> check(SafetensorsWriter.bytes(file(), bytes)));
    }

    @Property(tries = 400)
    void anyHeaderText(@ForAll("texts") List<String> headers, @ForAll byte[] data) {
        headers.forEach(header -> check(SafetensorsWriter.raw(file(), header, data)));
    }

    @Property(tries = 600)
    void anyTensors(@ForAll("headers") List<String> headers) {
        headers.forEach(header -> check(SafetensorsWriter.raw(file(), header, new byte[64])));
    }

    @Property(tries = 600)
    void anyDamage(@ForAll("damage") List<List<int[]>> damages) throws IOException {
        Path file = new SafetensorsWriter()
                .add("a", "F32", new float[] {1, 2, 3, 4}, 2, 2)
                .add("b", "BF16", new float[] {1, 2, 3}, 3)
                .write(file());
        byte[] whole = Files.readAllBytes(file);
        for (List<int[]> damage : damages) {
            byte[] bytes = whole.clone();
            for (int[] change : damage) {
                bytes[change[0] % bytes.length] = (byte) change[1];
            }
            check(SafetensorsWriter.bytes(file, bytes));
        }
    }

    private static Path file() {
        return folder.resolve("model.safetensors");
    }

    private static <T> Arbitrary<List<T>> times(Arbitrary<T> one) {
        return one.list().ofSize(Fuzz.TIMES);
    }

    private static void check(Path file) {
        assertThat(Fuzz.allocated(() -> read(file))).isLessThan(Fuzz.MOST_BYTES);
    }

    private static void read(Path file) {
        try (Safetensors tensors = Safetensors.open(file)) {
            for (String name : tensors.names()) {
                try {
                    assertThat((long) tensors.array(name).getSize()).isEqualTo(tensors.info(name).elements());
                    tensors.floats(name);
                } catch (ModelException e) {
                    assertThat(e.getMessage()).matches("[^\\p{Cntrl}]{1,480}");
                }
            }
            assertThat(tensors.mappedBytes() + tensors.copiedBytes()).isLessThanOrEqualTo(Files.size(file));
        } catch (ModelException e) {
            assertThat(e.getMessage()).matches("[^\\p{Cntrl}]{1,480}");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Provide
    Arbitrary<List<byte[]>> bytes() {
        return times(Arbitraries.bytes().array(byte[].class));
    }

    @Provide
    Arbitrary<List<String>> texts() {
        return times(Arbitraries.strings());
    }

    @Provide
    Arbitrary<List<List<int[]>>> damage() {
        return times(Combinators
                .combine(Arbitraries.integers().between(0, 1000), Arbitraries.integers().between(0, 255))
                .as((at, value) -> new int[] {at, value})
                .list()
                .ofMinSize(1)
                .ofMaxSize(4));
    }

    @Provide
    Arbitrary<List<String>> headers() {
        Arbitrary<String> number = Arbitraries.oneOf(
                Arbitraries.longs().between(-2, 70).map(String::valueOf),
                Arbitraries.longs().map(String::valueOf),
                Arbitraries.of("1e3", "1.5", "null", "\"4\"", "[]", "{}", "18446744073709551616", "-0"));
        Arbitrary<String> numbers = number.list().ofMaxSize(4).map(l -> "[" + String.join(",", l) + "]");
        Arbitrary<String> type =
                Arbitraries.of("\"F32\"", "\"F16\"", "\"BF16\"", "\"I64\"", "\"F4\"", "\"?\"", "3", "null");
        Arbitrary<String> tensor = Combinators.combine(type, numbers, numbers)
                .as((t, s, o) -> "{\"dtype\":%s,\"shape\":%s,\"data_offsets\":%s}".formatted(t, s, o));
        return times(Combinators.combine(Arbitraries.of("a", "b", "__metadata__", "", "\\n"), tensor)
                .as((name, t) -> "\"" + name + "\":" + t)
                .list()
                .ofMaxSize(4)
                .map(l -> "{" + String.join(",", l) + "}"));
    }
}
