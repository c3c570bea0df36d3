package io.maseparation.moe.testing;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes safetensors files, single or sharded, well-formed or with a header of the test's own. */
public final class SafetensorsWriter {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Map<String, Entry> entries = new LinkedHashMap<>();

    private record Entry(String type, long[] shape, byte[] data) {}

    /** Adds a tensor, rounding its values to F32, F16 or BF16. */
    public SafetensorsWriter add(String name, String type, float[] values, long... shape) {
        ByteBuffer data = ByteBuffer.allocate(values.length * (type.equals("F32") ? 4 : 2))
                .order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            switch (type) {
                case "F32" -> data.putFloat(value);
                case "F16" -> data.putShort(Float.floatToFloat16(value));
                case "BF16" -> data.putShort(bfloat16(value));
                default -> throw new IllegalArgumentException(type);
            }
        }
        return addRaw(name, type, data.array(), shape);
    }

    /** Adds a tensor of any type by its bytes. */
    public SafetensorsWriter addRaw(String name, String type, byte[] data, long... shape) {
        entries.put(name, new Entry(type, shape, data));
        return this;
    }

    /** Takes a tensor out again. */
    public SafetensorsWriter remove(String name) {
        if (entries.remove(name) == null) {
            throw new IllegalArgumentException("no tensor " + name);
        }
        return this;
    }

    /** Names in order. */
    public List<String> names() {
        return List.copyOf(entries.keySet());
    }

    /** Writes all tensors into one file. */
    public Path write(Path file) {
        return write(file, names(), 0);
    }

    /**
     * Writes all tensors into one file whose data start at a multiple of 8 plus {@code misalignment}.
     */
    public Path write(Path file, int misalignment) {
        return write(file, names(), misalignment);
    }

    /** Writes the tensors dealt out over shards, and their index, into a folder. */
    public void writeSharded(Path folder, int shards) {
        ObjectNode index = JSON.createObjectNode();
        index.putObject("metadata").put("total_size", 0);
        ObjectNode map = index.putObject("weight_map");
        for (int s = 0; s < shards; s++) {
            String file = "model-%05d-of-%05d.safetensors".formatted(s + 1, shards);
            List<String> in = new ArrayList<>();
            for (int i = s; i < names().size(); i += shards) {
                in.add(names().get(i));
                map.put(names().get(i), file);
            }
            write(folder.resolve(file), in, 0);
        }
        text(folder.resolve("model.safetensors.index.json"), index.toString());
    }

    private Path write(Path file, List<String> names, int misalignment) {
        ObjectNode header = JSON.createObjectNode();
        header.putObject("__metadata__").put("format", "pt");
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        for (String name : names) {
            Entry entry = entries.get(name);
            ObjectNode tensor = header.putObject(name);
            tensor.put("dtype", entry.type());
            for (long dimension : entry.shape()) {
                tensor.withArray("shape").add(dimension);
            }
            if (entry.shape().length == 0) {
                tensor.putArray("shape");
            }
            tensor.putArray("data_offsets").add(data.size()).add(data.size() + entry.data().length);
            data.writeBytes(entry.data());
        }
        StringBuilder text = new StringBuilder(header.toString());
        while (text.toString().getBytes(StandardCharsets.UTF_8).length % 8 != misalignment % 8) {
            text.append(' ');
        }
        return raw(file, text.toString(), data.toByteArray());
    }

    /** Writes a file of any header text and data, with the length that belongs to the header. */
    public static Path raw(Path file, String header, byte[] data) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        return bytes(file, ByteBuffer.allocate(8 + text.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length)
                .put(text)
                .put(data)
                .array());
    }

    /** Writes bytes. */
    public static Path bytes(Path file, byte[] bytes) {
        try {
            Files.createDirectories(file.getParent());
            return Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes text. */
    public static Path text(Path file, String text) {
        return bytes(file, text.getBytes(StandardCharsets.UTF_8));
    }

    private static short bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }
}
