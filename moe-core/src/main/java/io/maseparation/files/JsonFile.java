package io.maseparation.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * An object of a JSON document, with typed access to its fields. Every complaint is a {@link ModelException} of one
 * line that names file and field. A null counts as absent.
 */
public final class JsonFile {
    private static final int LONGEST_NAME = 4096;
    private final String file;
    private final String path;
    private final ObjectNode node;
    private final List<String> sources;
    private final boolean sourced;
    private final Set<String> asked = new LinkedHashSet<>();

    private JsonFile(String file, String path, ObjectNode node, List<String> sources, boolean sourced) {
        this.file = file;
        this.path = path;
        this.node = node;
        this.sources = sources;
        this.sourced = sourced;
    }

    /**
     * {@return fields of the object in a file}
     *
     * @param file the file
     */
    public static JsonFile open(Path file) {
        return new JsonFile(Text.printable(file), "", JsonTree.object(file), new ArrayList<>(), false);
    }

    /**
     * {@return fields of the object in a file whose numbers may have sources: {@code {"value": 1, "source": "…"}}}
     *
     * @param file the file
     */
    public static JsonFile openSourced(Path file) {
        return new JsonFile(Text.printable(file), "", JsonTree.object(file), new ArrayList<>(), true);
    }

    /**
     * {@return fields of a document that is part of the program and whose numbers may say where they come from}
     *
     * @param name what complaints call it
     * @param in the document
     * @throws IOException if it cannot be read
     */
    public static JsonFile openSourced(String name, InputStream in) throws IOException {
        return new JsonFile(name, "", JsonTree.object(name, in), new ArrayList<>(), true);
    }

    /** {@return sources of all numbers read so far in the document, as {@code path: source}; can be added to} */
    public List<String> sources() {
        return sources;
    }

    /** {@return name of the member that holds this object; empty for the document} */
    public String name() {
        return path.substring(path.lastIndexOf(": ") + 1).strip();
    }

    private JsonFile child(String field, ObjectNode object) {
        return new JsonFile(file, below(field), object, sources, sourced);
    }

    private String below(String field) {
        return path.isEmpty() ? Text.printable(field) : path + ": " + Text.printable(field);
    }

    /**
     * {@return a complaint about a field, or about the object itself where {@code field} is empty; to be thrown}
     *
     * @param field name of the field
     * @param what what is wrong with it, as the end of a sentence that begins with the field
     */
    public ModelException fail(String field, String what) {
        return new ModelException(message(field, what));
    }

    /**
     * {@return the text of such a complaint}
     *
     * @param field name of the field
     * @param what what is wrong with it
     */
    public String message(String field, String what) {
        return Text.message(file + ": " + ((field.isEmpty() ? path : below(field)) + " " + Text.line(what)).strip());
    }

    /** {@return fields that nothing asked for} */
    public List<String> unasked() {
        return fields().stream().filter(field -> !asked.contains(field)).toList();
    }

    /** Refuses fields that nothing asked for. */
    public void done() {
        unasked().stream().findFirst().ifPresent(field -> {
            throw fail("", "'%s' is not known here; there are %s".formatted(field, String.join(", ", asked)));
        });
    }

    /**
     * Refuses fields with any other name.
     *
     * @param names the fields that may be there
     */
    public void only(Set<String> names) {
        fields().stream().filter(name -> !names.contains(name)).findFirst().ifPresent(name -> {
            throw new ModelException(file + ": "
                    + (path.isEmpty() ? "" : path + ": ") + "there is no field " + Text.printable(name));
        });
    }

    /** {@return names of all fields, those that are null among them} */
    public List<String> fields() {
        return node.properties().stream().map(Map.Entry::getKey).toList();
    }

    /**
     * {@return the field's value as JSON; empty where it is absent}
     *
     * @param field name of the field
     */
    public String json(String field) {
        return node.path(field).toString();
    }

    /**
     * {@return whether the field is there and null}
     *
     * @param field name of the field
     */
    public boolean isNull(String field) {
        return node.path(field).isNull();
    }

    /**
     * {@return whether the field is an object}
     *
     * @param field name of the field
     */
    public boolean isObject(String field) {
        return node.path(field).isObject();
    }

    /**
     * {@return whether the field is there and not null}
     *
     * @param field name of the field
     */
    public boolean has(String field) {
        asked.add(field);
        return node.hasNonNull(field);
    }

    private JsonNode required(String field) {
        if (!has(field)) {
            throw fail(field, "is missing");
        }
        return node.get(field);
    }

    /**
     * {@return a whole number of at least {@code least} and at most {@code most}, which must be there}
     *
     * @param field name of the field
     * @param least least value allowed
     * @param most largest value allowed
     */
    public int integer(String field, int least, int most) {
        return number(field, (json, name) -> json.integer(name, json.required(name), least, most));
    }

    /**
     * {@return a whole number of at least {@code least} and at most {@code most}}
     *
     * @param field name of the field
     * @param absent what it counts as where the field is absent
     * @param least least value allowed
     * @param most largest value allowed
     */
    public int integer(String field, int absent, int least, int most) {
        return has(field) ? integer(field, least, most) : absent;
    }

    private int integer(String field, JsonNode value, int least, int most) {
        BigDecimal number = checked(field, value, JsonNode::canConvertToExactIntegral, "is not a whole number")
                .decimalValue();
        if (number.compareTo(BigDecimal.valueOf(least)) < 0 || number.compareTo(BigDecimal.valueOf(most)) > 0) {
            throw fail(field, "is %s, outside %d to %d".formatted(value, least, most));
        }
        return number.intValue();
    }

    /**
     * {@return a number of at least {@code least} and at most {@code most}, which must be there}
     *
     * @param field name of the field
     * @param least least value allowed
     * @param most largest value allowed
     */
    public double number(String field, double least, double most) {
        return number(field, (json, name) -> {
            JsonNode value =
                    json.checked(name, json.required(name), JsonFile::isFinite, "is not a finite number");
            double number = value.doubleValue();
            if (number < least || number > most) {
                throw json.fail(name,
                        "is %s, outside %s to %s".formatted(value, Text.number(least), Text.number(most)));
            }
            return number;
        });
    }

    /**
     * {@return a number of at least {@code least} and at most {@code most}}
     *
     * @param field name of the field
     * @param absent what it counts as where the field is absent
     * @param least least value allowed
     * @param most largest value allowed
     */
    public double number(String field, double absent, double least, double most) {
        return has(field) ? number(field, least, most) : absent;
    }

    /**
     * {@return a number that is finite as a float}
     *
     * @param field name of the field
     * @param absent what it counts as where the field is absent
     */
    public double number(String field, double absent) {
        return number(field, absent, -Float.MAX_VALUE, Float.MAX_VALUE);
    }

    /** Reads a number from its field or, where numbers may have sources, from the object of value and source there. */
    private <N> N number(String field, BiFunction<JsonFile, String, N> read) {
        JsonNode value = required(field);
        if (!sourced || value.isNumber()) {
            return read.apply(this, field);
        }
        if (!(value instanceof ObjectNode object)) {
            throw fail(field, "is not a number: " + value);
        }
        JsonFile holder = new JsonFile(file, below(field), object, sources, false);
        N number = read.apply(holder, "value");
        sources.add(holder.path.replace(": ", " ") + ": " + Text.printable(holder.text("source", "not said")));
        holder.done();
        return number;
    }

    /**
     * {@return a field that is true or false}
     *
     * @param field name of the field
     * @param absent what it counts as where the field is absent
     */
    public boolean flag(String field, boolean absent) {
        JsonNode value = has(field) ? node.get(field) : JsonNodeFactory.instance.booleanNode(absent);
        return checked(field, value, JsonNode::isBoolean, "is neither true nor false").booleanValue();
    }

    private JsonNode checked(String field, JsonNode value, Predicate<JsonNode> right, String wrong) {
        if (!right.test(value)) {
            throw fail(field, wrong + ": " + value);
        }
        return value;
    }

    /**
     * {@return a string, of any number of lines}
     *
     * @param field name of the field
     * @param absent what it counts as where the field is absent
     */
    public String text(String field, String absent) {
        return has(field) ? string(field, node.get(field)) : absent;
    }

    private String string(String field, JsonNode value) {
        return checked(field, value, JsonNode::isTextual, "is not a string").textValue();
    }

    /**
     * {@return a string of one line, not blank, which must be there}
     *
     * @param field name of the field
     */
    public String name(String field) {
        String text = text(field, "");
        if (text.isBlank() || text.length() > LONGEST_NAME || !Text.line(text).equals(text)) {
            throw fail(field, text.isBlank() ? "is missing" : "is not a name");
        }
        return text;
    }

    private Iterable<JsonNode> array(String field, JsonNode value, String what) {
        return checked(field, value, JsonNode::isArray, "is not an array" + what);
    }

    private Iterable<JsonNode> array(String field) {
        return has(field) ? array(field, node.get(field), "") : List.of();
    }

    private static <T> List<T> list(Iterable<JsonNode> array, Function<JsonNode, T> read) {
        List<T> values = new ArrayList<>();
        array.forEach(v -> values.add(read.apply(v)));
        return values;
    }

    /**
     * {@return whole numbers from 0: a list, or a single one; none if the field is absent}
     *
     * @param field name of the field
     */
    public List<Integer> integers(String field) {
        boolean single = has(field) && !node.get(field).isArray();
        return list(single ? List.of(node.get(field)) : array(field), v -> integer(field, v, 0, Integer.MAX_VALUE));
    }

    /**
     * {@return lists of whole numbers from 0; none if the field is absent}
     *
     * @param field name of the field
     */
    public List<List<Integer>> integerLists(String field) {
        return list(array(field),
                list -> list(array(field, list, " of arrays"), v -> integer(field, v, 0, Integer.MAX_VALUE)));
    }

    /**
     * {@return strings; none if the field is absent}
     *
     * @param field name of the field
     */
    public List<String> texts(String field) {
        return list(array(field), v -> string(field, v));
    }

    /**
     * {@return finite numbers; none if the field is absent}
     *
     * @param field name of the field
     */
    public List<Double> numbers(String field) {
        return list(array(field), v -> checked(field, v, JsonFile::isFinite, "is not a finite number").doubleValue());
    }

    private static boolean isFinite(JsonNode value) {
        return value.isNumber() && Double.isFinite(value.doubleValue());
    }

    /**
     * {@return pairs of finite numbers; none if the field is absent}
     *
     * @param field name of the field
     */
    public List<double[]> pairs(String field) {
        return list(array(field), entry -> {
            checked(field, entry, e -> e.size() == 2 && isFinite(e.path(0)) && isFinite(e.path(1)),
                    "are not pairs of finite numbers");
            return new double[] {entry.get(0).doubleValue(), entry.get(1).doubleValue()};
        });
    }

    /**
     * {@return fields of a nested object; an empty one if it is absent}
     *
     * @param field name of the field
     */
    public JsonFile object(String field) {
        return child(field, has(field) ? object(field, node.get(field), "") : JsonNodeFactory.instance.objectNode());
    }

    private ObjectNode object(String field, JsonNode value, String at) {
        if (value instanceof ObjectNode object) {
            return object;
        }
        throw fail(field + at, "is not an object");
    }

    /**
     * {@return fields of a nested object, which must be there}
     *
     * @param field name of the field
     */
    public JsonFile requiredObject(String field) {
        return child(field, object(field, required(field), ""));
    }

    /**
     * {@return members of an object that are objects; none if it is absent}
     *
     * @param field name of the field
     */
    public List<JsonFile> members(String field) {
        JsonFile object = object(field);
        return object.fields().stream().map(object::requiredObject).toList();
    }

    /**
     * {@return objects of a list; none if it is absent}
     *
     * @param field name of the field
     */
    public List<JsonFile> objects(String field) {
        return objects(field, array(field));
    }

    private List<JsonFile> objects(String field, Iterable<JsonNode> array) {
        List<JsonFile> objects = new ArrayList<>();
        for (JsonNode entry : array) {
            String at = "[" + objects.size() + "]";
            objects.add(child(field + at, object(field, entry, at)));
        }
        return objects;
    }

    /**
     * {@return objects of a list of lists; none if it is absent}
     *
     * @param field name of the field
     */
    public List<List<JsonFile>> objectLists(String field) {
        List<List<JsonFile>> lists = new ArrayList<>();
        for (JsonNode list : array(field)) {
            String at = field + "[" + lists.size() + "]";
            lists.add(objects(at, array(at, list, "")));
        }
        return lists;
    }
}
