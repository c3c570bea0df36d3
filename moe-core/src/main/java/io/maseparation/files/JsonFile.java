package io.maseparation.files;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A JSON object on disk, with typed access to its fields: every complaint is one line that names file and field. A null
 * counts as absent.
 */
public final class JsonFile {
    private static final long LONGEST = 256L << 20;
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final String where;
    private final JsonNode node;

    private JsonFile(String where, JsonNode node) {
        this.where = where;
        this.node = node;
    }

    /** The object in a file. */
    public static ObjectNode read(Path file) {
        String name = Text.printable(file.toString());
        try {
            if (Files.size(file) > LONGEST) {
                throw new ModelException(
                        name + ": %s are too much for a JSON file".formatted(Text.bytes(Files.size(file))));
            }
            if (MAPPER.readTree(Files.readAllBytes(file)) instanceof ObjectNode object) {
                return object;
            }
            throw new ModelException(name + ": not a JSON object");
        } catch (NoSuchFileException e) {
            throw new ModelException(name + ": no such file", e);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new ModelException(name + ": not valid JSON: " + Text.reason(e), e);
        } catch (IOException e) {
            throw new ModelException(name + ": cannot be read: " + Text.reason(e), e);
        }
    }

    /** Fields of the object in a file. */
    public static JsonFile open(Path file) {
        return new JsonFile(Text.printable(file.toString()), read(file));
    }

    /** Fields of a nested object, or empty if it is absent. */
    public JsonFile object(String field) {
        JsonNode value = value(field);
        if (value == null) {
            return new JsonFile(where + ": " + field, MAPPER.createObjectNode());
        }
        if (!value.isObject()) {
            throw fail(field, "is not an object");
        }
        return new JsonFile(where + ": " + field, value);
    }

    /** Whether the field is there and null. */
    public boolean isNull(String field) {
        return node.path(field).isNull();
    }

    /** Whether the field is there and not null. */
    public boolean has(String field) {
        return value(field) != null;
    }

    private JsonNode value(String field) {
        JsonNode value = node.get(field);
        return value == null || value.isNull() ? null : value;
    }

    /** A whole number of at least {@code least} and at most {@code most}. */
    public int integer(String field, int absent, int least, int most) {
        JsonNode value = value(field);
        return value == null ? absent : integer(field, value, least, most);
    }

    private int integer(String field, JsonNode value, int least, int most) {
        if (!value.isNumber() || !value.canConvertToExactIntegral()) {
            throw fail(field, "is not a whole number: " + value);
        }
        BigDecimal number = value.decimalValue();
        if (number.compareTo(BigDecimal.valueOf(least)) < 0 || number.compareTo(BigDecimal.valueOf(most)) > 0) {
            throw fail(field, "is %s, outside %d to %d".formatted(value, least, most));
        }
        return number.intValue();
    }

    /** A finite number. */
    public double number(String field, double absent) {
        JsonNode value = value(field);
        if (value == null) {
            return absent;
        }
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())
                || !Float.isFinite((float) value.doubleValue())) {
            throw fail(field, "is not a finite number: " + value);
        }
        return value.doubleValue();
    }

    /** True or false. */
    public boolean flag(String field, boolean absent) {
        JsonNode value = value(field);
        if (value == null) {
            return absent;
        }
        if (!value.isBoolean()) {
            throw fail(field, "is neither true nor false: " + value);
        }
        return value.booleanValue();
    }

    /** A string. */
    public String text(String field, String absent) {
        JsonNode value = value(field);
        if (value == null) {
            return absent;
        }
        if (!value.isTextual()) {
            throw fail(field, "is not a string: " + value);
        }
        return value.textValue();
    }

    /** Whole numbers from 0: a list, or a single one. */
    public List<Integer> integers(String field) {
        JsonNode value = value(field);
        List<Integer> values = new ArrayList<>();
        if (value != null && value.isArray()) {
            value.forEach(v -> values.add(integer(field, v, 0, Integer.MAX_VALUE)));
        } else if (value != null) {
            values.add(integer(field, value, 0, Integer.MAX_VALUE));
        }
        return values;
    }

    /** Lists of whole numbers from 0. */
    public List<List<Integer>> integerLists(String field) {
        JsonNode value = value(field);
        List<List<Integer>> lists = new ArrayList<>();
        if (value != null && !value.isArray()) {
            throw fail(field, "is not an array");
        }
        for (JsonNode list : value == null ? MAPPER.createArrayNode() : value) {
            if (!list.isArray()) {
                throw fail(field, "is not an array of arrays");
            }
            List<Integer> values = new ArrayList<>();
            list.forEach(v -> values.add(integer(field, v, 0, Integer.MAX_VALUE)));
            lists.add(values);
        }
        return lists;
    }

    /** A complaint, if a field is there that none of these names is for. */
    public void only(Set<String> names) {
        node.fieldNames().forEachRemaining(name -> {
            if (!names.contains(name)) {
                throw new ModelException("%s: there is no field %s".formatted(where, Text.printable(name)));
            }
        });
    }

    /** Strings, or null if the field is absent. */
    public List<String> texts(String field) {
        JsonNode value = value(field);
        if (value == null) {
            return null;
        }
        List<String> values = new ArrayList<>();
        for (JsonNode v : value) {
            values.add(v.asText());
        }
        if (!value.isArray()) {
            throw fail(field, "is not an array");
        }
        return values;
    }

    /** A complaint about a field, to be thrown. */
    public ModelException fail(String field, String what) {
        return new ModelException(where + ": " + field + " " + Text.printable(what));
    }
}
