package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * A file in version 3 of GGUF, llama.cpp's format: a header, named values, the tensors' names and shapes, and their
 * data, each at a multiple of {@link #ALIGNMENT}. All numbers are little-endian.
 */
final class GgufFile {
    /** Of the start of each tensor's data. */
    static final int ALIGNMENT = 32;

    private static final String MAGIC = "GGUF";
    private static final int VERSION = 3;
    private static final int UINT32 = 4;
    private static final int FLOAT32 = 6;
    private static final int STRING = 8;
    /** More than any header here has. */
    private static final int HEADER_BYTES = 1 << 20;

    private final List<Consumer<ByteBuffer>> values = new ArrayList<>();
    private final List<StoredTensor> tensors = new ArrayList<>();

    /** Adds a named text. */
    GgufFile with(String key, String text) {
        return with(key, STRING, to -> put(to, text));
    }

    /** Adds a named number that is 0 or more. */
    GgufFile with(String key, int number) {
        return with(key, UINT32, to -> to.putInt(number));
    }

    /** Adds a named fp32 number. */
    GgufFile with(String key, float number) {
        return with(key, FLOAT32, to -> to.putFloat(number));
    }

    private GgufFile with(String key, int type, Consumer<ByteBuffer> value) {
        values.add(to -> {
            put(to, key);
            to.putInt(type);
            value.accept(to);
        });
        return this;
    }

    /** Adds a tensor. */
    GgufFile with(StoredTensor tensor) {
        tensors.add(tensor);
        return this;
    }

    /** Writes everything. */
    void write(Path path) throws IOException {
        ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        header.put(MAGIC.getBytes(StandardCharsets.US_ASCII));
        header.putInt(VERSION).putLong(tensors.size()).putLong(values.size());
        values.forEach(value -> value.accept(header));
        long offset = 0;
        for (StoredTensor tensor : tensors) {
            put(header, tensor.name());
            header.putInt(tensor.shape().size());
            // The innermost dimension first.
            tensor.shape().reversed().forEach(header::putLong);
            header.putInt(type(tensor.type())).putLong(offset);
            offset = aligned(offset + tensor.bytes());
        }
        header.position((int) aligned(header.position()));
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            header.flip();
            while (header.hasRemaining()) {
                file.write(header);
            }
            for (StoredTensor tensor : tensors) {
                tensor.write(file);
                file.write(ByteBuffer.allocate((int) (aligned(file.position()) - file.position())));
            }
        }
    }

    private static long aligned(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }

    private static void put(ByteBuffer to, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        to.putLong(bytes.length).put(bytes);
    }

    private static int type(DataType type) {
        return switch (type) {
            case F32 -> Ggml.TYPE_F32;
            case F16 -> Ggml.TYPE_F16;
            case BF16 -> Ggml.TYPE_BF16;
        };
    }
}
