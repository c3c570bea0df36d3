package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.testing.SafetensorsWriter;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

class SafetensorsTest {
    @TempDir
    Path temp;

    private static final float[] SIX = {1, -2, 3.5f, 0.25f, -0.125f, 6};

    private Path file() {
        return temp.resolve("model.safetensors");
    }

    private static void open(Path path) {
        Safetensors.open(path).close();
    }

    @Test
    void readsEachTypeAndLeavesTheFileAlone() throws IOException {
        new SafetensorsWriter()
                .add("first", "F32", SIX, 6)
                .add("half", "F16", SIX, 2, 3)
                .add("brain", "BF16", SIX, 3, 2)
                .add("full", "F32", SIX, 3, 2)
                .write(file());
        byte[] before = Files.readAllBytes(file());
        try (Safetensors tensors = Safetensors.open(temp)) {
            assertThat(tensors.names()).containsExactly("first", "half", "brain", "full");
            for (String name : tensors.names()) {
                ExactMatrix reader = new ExactMatrix(tensors.matrix(name));
                int cols = (int) (long) tensors.info(name).shape().getLast();
                for (int i = 0; i < SIX.length; i++) {
                    assertThat(reader.get(i / cols, i % cols)).as(name).isEqualTo(SIX[i]);
                }
                assertThat(tensors.floats(name)).containsExactly(SIX);
            }
            assertThat(tensors.type("half")).isEqualTo(DataType.F16);
            assertThat(tensors.copiedBytes()).isZero();
            assertThat(tensors.mappedBytes()).isEqualTo(6 * (4 + 2 + 2 + 4));
            assertThat(((HalfFloatArray) tensors.array("half")).get(2).getFloat32()).isEqualTo(3.5f);
            ((FloatArray) tensors.array("full")).set(0, 99);
        }
        assertThat(Files.readAllBytes(file())).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 6})
    void copiesWhatIsNotAligned(int misalignment) {
        new SafetensorsWriter()
                .add("half", "F16", SIX, 6)
                .add("full", "F32", SIX, 6)
                .write(file(), misalignment);
        try (Safetensors tensors = Safetensors.open(file())) {
            assertThat(((FloatArray) tensors.array("full")).toHeapArray()).containsExactly(SIX);
            assertThat(((HalfFloatArray) tensors.array("half")).get(5).getFloat32()).isEqualTo(6);
            assertThat(tensors.mappedBytes()).isEqualTo(misalignment % 4 == 0 ? 36 : 0);
            assertThat(tensors.copiedBytes() + tensors.mappedBytes()).isEqualTo(36);
        }
    }

    @Test
    void shardsEqualASingleFile() {
        SafetensorsWriter writer = new SafetensorsWriter();
        for (int i = 0; i < 7; i++) {
            float[] values = new float[i + 1];
            Arrays.fill(values, i);
            writer.add("t" + i, "BF16", values, i + 1);
        }
        writer.write(file());
        writer.writeSharded(temp.resolve("sharded"), 3);
        try (Safetensors one = Safetensors.open(file()); Safetensors many = Safetensors.open(temp.resolve("sharded"))) {
            assertThat(many.names()).containsExactlyInAnyOrderElementsOf(one.names());
            one.names().forEach(name -> assertThat(many.floats(name)).containsExactly(one.floats(name)));
        }
    }

    @Test
    void complainsOfFilesThatAreNotThere() {
        assertComplains(() -> open(temp.resolve("none")), "none", "cannot be read");
        assertComplains(() -> open(temp), "neither model.safetensors nor model.safetensors.index.json");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7})
    void complainsOfAFileWithoutALength(int bytes) {
        SafetensorsWriter.bytes(file(), new byte[bytes]);
        assertComplains(() -> open(temp), "model.safetensors", "too few");
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 13, 1L << 31, 1L << 40, Long.MAX_VALUE, -1, Long.MIN_VALUE})
    void complainsOfAHeaderLengthBeyondTheFile(long length) {
        SafetensorsWriter.bytes(
                file(), ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array());
        assertComplains(() -> open(temp), "model.safetensors", "header length", Long.toUnsignedString(length));
    }

    @Test
    void complainsOfATruncatedFile() throws IOException {
        new SafetensorsWriter().add("a", "F32", SIX, 6).add("b", "F32", SIX, 6).write(file());
        byte[] whole = Files.readAllBytes(file());
        for (int cut = 1; cut < whole.length; cut++) {
            SafetensorsWriter.bytes(file(), Arrays.copyOf(whole, whole.length - cut));
            assertComplains(() -> open(temp), "model.safetensors", "truncated");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "  ", "{", "[]", "null", "hello", "{}{}", "{\"a\":1}", "{\"a\":{}}",
        "{\"a\":{},\"a\":{}}", "{\"__metadata__\":[]}", "{\"__metadata__\":{\"a\":1}}", "{\"__metadata__\":\"pt\"}",
        "{\"__metadata__\":{\"a\":{\"b\":\"c\"}}}",
        "{\"a\":{\"dtype\":1}}", "{\"a\":{\"dtype\":\"F32\",\"shape\":3,\"data_offsets\":[0,4]}}"})
    void complainsOfAHeaderThatIsNotOne(String header) {
        SafetensorsWriter.raw(file(), header, new byte[24]);
        assertComplains(() -> open(temp), "model.safetensors: ");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "F33     | [6]                  | [0, 24]           | unknown dtype F33",
        "F32     | [6]                  | [24, 0]           | reversed",
        "F32     | [6]                  | [-24, 0]          | data_offsets has something that is not a whole number",
        "F32     | [6]                  | [0, 28]           | beyond the 24 bytes",
        "F32     | [6]                  | [9223372036854775783, 9223372036854775807] | beyond",
        "F32     | [6]                  | [0, 99999999999999999999] | not a whole number",
        "F32     | [6]                  | [0, 24.0]         | not a whole number",
        "F32     | [6]                  | [0]               | 1 numbers",
        "F32     | [5]                  | [0, 24]           | needs 20 bytes",
        "F16     | [6]                  | [0, 24]           | needs 12 bytes",
        "F32     | [-6]                 | [0, 24]           | shape has something",
        "F32     | [4294967296, 4294967296] | [0, 24]       | too large",
        "F32     | [4611686018427387904]| [0, 0]            | too large",
        "F32     | [\"6\"]              | [0, 24]           | shape has something",
    })
    void complainsOfATensorThatContradictsItself(String type, String shape, String offsets, String complaint) {
        SafetensorsWriter.raw(
                file(),
                "{\"some.weight\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}}".formatted(type, shape, offsets),
                new byte[24]);
        assertComplains(() -> open(temp), "model.safetensors", "some.weight", complaint);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "[0,4]  | [4,12] | 13 | no tensor has the last 1 byte",
        "[4,8]  | [8,16] | 16 | tensor a: no tensor has the 4 bytes before its data",
        "[0,4]  | [6,14] | 14 | tensor b: no tensor has the 2 bytes before its data",
        "[8,12] | [0,8]  | 99 | no tensor has the last 87 bytes"})
    void complainsOfBytesOfNoTensor(String a, String b, int bytes, String complaint) {
        SafetensorsWriter.raw(file(), """
                {"a":{"dtype":"F32","shape":[1],"data_offsets":%s},"b":{"dtype":"F32","shape":[2],"data_offsets":%s}}"""
                .formatted(a, b), new byte[bytes]);
        assertComplains(() -> open(temp), "model.safetensors: ", complaint);
    }

    @Test
    void complainsOfWhatTheFormatDoesNotKnowOfATensor() {
        SafetensorsWriter.raw(
                file(), "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"scale\":0.5}}", new byte[4]);
        assertComplains(() -> open(temp), "model.safetensors: tensor a: ", "scale, which the format does not know");
    }

    @Test
    void complainsOfOverlaps() {
        SafetensorsWriter.raw(
                file(),
                "{\"b\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[8,20]},"
                        + "\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}",
                new byte[24]);
        assertComplains(() -> open(temp), "tensor b", "overlap", "tensor a");
    }

    @Test
    void complainsInOneLineWhateverATensorIsCalled() {
        SafetensorsWriter.raw(
                file(),
                "{\"a\\nb\\u001b[31m\\u2028%s\":{\"dtype\":\"X\",\"shape\":[],\"data_offsets\":[0,0]}}"
                        .formatted("x".repeat(40_000)),
                new byte[0]);
        assertComplains(() -> open(temp), "a?b?[31m?x", "…");
    }

    @Test
    void complainsOfTypesThatModelsAreNotMadeOf() {
        new SafetensorsWriter()
                .addRaw("int", "I32", new byte[8], 2)
                .addRaw("scalar", "F32", new byte[4])
                .write(file());
        try (Safetensors tensors = Safetensors.open(temp)) {
            assertComplains(() -> tensors.array("int"), "model.safetensors", "tensor int", "dtype I32");
            assertComplains(() -> tensors.array("other"), "model.safetensors", "tensor other", "missing");
            assertThat(tensors.floats("scalar")).containsExactly(0f);
        }
    }

    @Test
    void complainsOfMoreElementsThanAnArrayHas() throws IOException {
        long elements = 1L << 31;
        String header = "{\"huge\":{\"dtype\":\"F16\",\"shape\":[%d],\"data_offsets\":[0,%d]}}"
                .formatted(elements, 2 * elements);
        SafetensorsWriter.raw(file(), header, new byte[0]);
        try (var sparse = new RandomAccessFile(file().toFile(), "rw")) {
            sparse.setLength(sparse.length() + 2 * elements);
        }
        try (Safetensors tensors = Safetensors.open(temp)) {
            assertComplains(() -> tensors.array("huge"), "tensor huge", "2147483648 elements");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"weight_map\":{\"a\":\"gone.safetensors\"}}      | shard gone.safetensors is missing",
        "{\"weight_map\":{\"b\":\"shard.safetensors\"}}     | tensor b is not in its shard shard.safetensors",
        "{\"weight_map\":{\"a\":\"../shard.safetensors\"}}  | outside the checkpoint's folder",
        "{\"weight_map\":{\"a\":\"/etc/passwd\"}}           | outside the checkpoint's folder",
        "{\"weight_map\":{\"a\":\"x/../../shard.safetensors\"}} | outside the checkpoint's folder",
        "{\"weight_map\":{\"a\":\"\"}}                      | outside the checkpoint's folder",
        "{\"weight_map\":{\"a\":\"\\u0000\"}}               | not a file name",
        "{\"weight_map\":{\"a\":7}}                         | not a file name",
        "{\"weight_map\":[]}                                | weight_map is missing",
        "{\"weight_map\":                                   | not valid JSON",
        "[]                                                 | not a JSON object",
    })
    void complainsOfAnIndexThatLeadsNowhere(String index, String complaint) {
        Path folder = temp.resolve("model");
        new SafetensorsWriter().add("a", "F32", SIX, 6).write(folder.resolve("shard.safetensors"));
        new SafetensorsWriter().add("a", "F32", SIX, 6).write(temp.resolve("shard.safetensors"));
        SafetensorsWriter.text(folder.resolve(Safetensors.INDEX), index);
        assertComplains(() -> open(folder), Safetensors.INDEX, complaint);
    }

    @Test
    void anEmptyIndexMissesEverything() {
        SafetensorsWriter.text(temp.resolve(Safetensors.INDEX), "{\"weight_map\":{}}");
        try (Safetensors tensors = Safetensors.open(temp)) {
            assertComplains(() -> tensors.info("a"), Safetensors.INDEX, "tensor a is missing");
        }
    }
}
