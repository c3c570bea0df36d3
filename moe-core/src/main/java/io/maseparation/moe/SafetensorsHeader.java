package io.maseparation.moe;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.files.Utf8Stream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the header of a safetensors file: eight bytes of length (little-endian), then that many bytes of JSON, an
 * object from tensor names to {@code {"dtype", "shape", "data_offsets": [begin, end]}} with offsets counted from the
 * header's end. The file is untrusted: everything is checked before anything is used.
 */
final class SafetensorsHeader {
    /** Longest header that the format's reference implementation accepts, in bytes. */
    static final long LONGEST_HEADER = 100_000_000;

    private static final String METADATA = "__metadata__";

    /** Bits of an element of each type of the format. */
    private static final Map<String, Integer> BITS = Map.ofEntries(
            Map.entry("BOOL", 8), Map.entry("U8", 8), Map.entry("I8", 8), Map.entry("F8_E5M2", 8),
            Map.entry("F8_E4M3", 8), Map.entry("F8_E8M0", 8), Map.entry("F4", 4), Map.entry("F6_E2M3", 6),
            Map.entry("F6_E3M2", 6), Map.entry("I16", 16), Map.entry("U16", 16), Map.entry("F16", 16),
            Map.entry("BF16", 16), Map.entry("I32", 32), Map.entry("U32", 32), Map.entry("F32", 32),
            Map.entry("F64", 64), Map.entry("I64", 64), Map.entry("U64", 64), Map.entry("C64", 64));

    private static final JsonFactory JSON =
            JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    private final Path file;
    private final long dataStart;
    private final long dataBytes;

    private SafetensorsHeader(Path file, long dataStart, long dataBytes) {
        this.file = file;
        this.dataStart = dataStart;
        this.dataBytes = dataBytes;
    }

    /**
     * The tensors of a file by name.
     *
     * @throws ModelException naming file and tensor, if anything in the header contradicts the format or the file
     */
    static Map<String, TensorInfo> read(Path file, FileChannel channel) throws IOException {
        long size = channel.size();
        if (size < 8) {
            throw new ModelException(Text.printable(file)
                    + ": %d bytes are too few for a safetensors file; is it truncated?".formatted(size));
        }
        long length = readFully(file, channel, 0, 8).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (length < 2 || length > size - 8) {
            throw new ModelException(Text.printable(file)
                    + ": header length %s does not fit a file of %d bytes; it is truncated or not safetensors"
                            .formatted(Long.toUnsignedString(length), size));
        }
        if (length > LONGEST_HEADER) {
            throw new ModelException(Text.printable(file)
                    + ": header length %d is more than the format's limit of %d".formatted(length, LONGEST_HEADER));
        }
        byte[] json = readFully(file, channel, 8, (int) length).array();
        return new SafetensorsHeader(file, 8 + length, size - 8 - length).parse(json);
    }

    private static ByteBuffer readFully(Path file, FileChannel channel, long from, int bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(bytes);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, from + buffer.position()) < 0) {
                throw new ModelException(Text.printable(file) + ": the file shrank while it was read");
            }
        }
        return buffer.flip();
    }

    private Map<String, TensorInfo> parse(byte[] json) {
        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        try (JsonParser parser = JSON.createParser(new Utf8Stream(new ByteArrayInputStream(json)))) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw fail("header is not a JSON object");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                JsonToken value = parser.nextToken();
                if (name.equals(METADATA)) {
                    checkMetadata(value, parser);
                } else if (value == JsonToken.START_OBJECT) {
                    tensors.put(name, tensor(name, parser));
                } else {
                    throw fail(name, "its header entry is not an object");
                }
            }
            if (parser.nextToken() != null) {
                throw fail("header has something after its JSON object");
            }
        } catch (IOException e) {
            throw new ModelException(
                    Text.printable(file) + ": header is not valid JSON: " + Text.reason(e), e);
        }
        checkCovered(tensors);
        return tensors;
    }

    /** Texts by name, as the format has it. */
    private void checkMetadata(JsonToken value, JsonParser parser) throws IOException {
        boolean right = value == JsonToken.START_OBJECT || value == JsonToken.VALUE_NULL;
        while (right && value == JsonToken.START_OBJECT && parser.nextToken() == JsonToken.FIELD_NAME) {
            right = parser.nextToken() == JsonToken.VALUE_STRING;
        }
        if (!right) {
            throw fail(METADATA + " is not an object of texts");
        }
    }

    private TensorInfo tensor(String name, JsonParser parser) throws IOException {
        String type = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (field) {
                case "dtype" -> {
                    if (value != JsonToken.VALUE_STRING) {
                        throw fail(name, "dtype is not a string");
                    }
                    type = parser.getText();
                }
                case "shape" -> shape = longs(name, field, parser);
                case "data_offsets" -> offsets = longs(name, field, parser);
                default -> throw fail(name, "its header entry has %s, which the format does not know".formatted(
                        Text.printable(field)));
            }
        }
        if (type == null || shape == null || offsets == null) {
            throw fail(name, "dtype, shape or data_offsets is missing");
        }
        return located(name, type, shape, offsets);
    }

    private TensorInfo located(String name, String type, List<Long> shape, List<Long> offsets) {
        Integer bits = BITS.get(type);
        if (bits == null) {
            throw fail(name, "unknown dtype " + type);
        }
        if (offsets.size() != 2) {
            throw fail(name, "data_offsets are %d numbers, not 2".formatted(offsets.size()));
        }
        long begin = offsets.get(0);
        long end = offsets.get(1);
        if (begin > end) {
            throw fail(name, "data_offsets [%d, %d] are reversed".formatted(begin, end));
        }
        if (end > dataBytes) {
            throw fail(name, "data_offsets [%d, %d] reach beyond the %d bytes of data; is the file truncated?"
                    .formatted(begin, end, dataBytes));
        }
        long inBits;
        try {
            long elements = 1;
            for (long dimension : shape) {
                elements = Math.multiplyExact(elements, dimension);
            }
            inBits = Math.multiplyExact(elements, (long) bits);
        } catch (ArithmeticException e) {
            throw new ModelException(message(name, "shape %s is too large".formatted(shape)), e);
        }
        if (inBits % 8 != 0 || inBits / 8 != end - begin) {
            throw fail(name, "shape %s of %s needs %d bytes, data_offsets [%d, %d] hold %d"
                    .formatted(shape, type, (inBits + 7) / 8, begin, end, end - begin));
        }
        return new TensorInfo(name, file, type, shape, dataStart + begin, end - begin);
    }

    private List<Long> longs(String name, String field, JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            throw fail(name, field + " is not an array");
        }
        List<Long> values = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT
                    || parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                    || parser.getLongValue() < 0) {
                throw fail(name, field + " has something that is not a whole number from 0 to 2^63 - 1");
            }
            values.add(parser.getLongValue());
        }
        return values;
    }

    /** Every byte belongs to one tensor, as the format has it: nothing is hidden in a file, or cut out of it. */
    private void checkCovered(Map<String, TensorInfo> tensors) {
        List<TensorInfo> inOrder = tensors.values().stream()
                .filter(t -> t.bytes() > 0)
                .sorted(Comparator.comparingLong(TensorInfo::offset))
                .toList();
        long end = dataStart;
        String before = "";
        for (TensorInfo tensor : inOrder) {
            if (tensor.offset() < end) {
                throw fail(tensor.name(), "its data overlap those of tensor " + before);
            }
            if (tensor.offset() > end) {
                throw fail(tensor.name(), "no tensor has the %s before its data".formatted(
                        Text.count(tensor.offset() - end, "byte")));
            }
            end = tensor.offset() + tensor.bytes();
            before = tensor.name();
        }
        if (end < dataStart + dataBytes) {
            throw fail("no tensor has the last %s".formatted(Text.count(dataStart + dataBytes - end, "byte")));
        }
    }

    private ModelException fail(String what) {
        return new ModelException(Text.printable(file) + ": " + what);
    }

    private ModelException fail(String tensor, String what) {
        return new ModelException(message(tensor, what));
    }

    private String message(String tensor, String what) {
        return Text.printable(file) + ": tensor " + Text.printable(tensor) + ": " + Text.printable(what);
    }
}
