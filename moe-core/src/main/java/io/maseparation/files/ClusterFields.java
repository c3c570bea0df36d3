package io.maseparation.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Fields of an object of a cluster file. Each complaint is one line that names file and field; a field that was not asked
 * for is a complaint too, so that no mistyped one is ignored.
 */
public final class ClusterFields {
    private final String where;
    private final String name;
    private final ObjectNode node;
    private final Set<String> asked = new LinkedHashSet<>();

    public ClusterFields(String where, String name, ObjectNode node) {
        this.where = where;
        this.name = name;
        this.node = node;
    }

    public static ClusterFields open(Path file) {
        return new ClusterFields(printable(file.toString()), "", JsonFile.read(file));
    }

    private static String printable(String text) {
        String clean = text.replaceAll("\\p{Cntrl}", "?");
        return clean.length() <= 200 ? clean : clean.substring(0, 200) + "…";
    }

    /** Name of the member that holds this object. */
    public String name() {
        return name;
    }

    public ModelException fail(String field, String what) {
        return new ModelException((where + ": " + field).strip().replaceAll(":$", "") + " " + printable(what));
    }

    /** Complains about fields that nothing asked for. */
    public void done() {
        node.fieldNames().forEachRemaining(field -> {
            if (!asked.contains(field)) {
                throw fail(
                        "'" + printable(field) + "'",
                        "is not known here; there are " + String.join(", ", asked));
            }
        });
    }

    private JsonNode value(String field) {
        asked.add(field);
        JsonNode value = node.get(field);
        return value == null || value.isNull() ? null : value;
    }

    public String text(String field) {
        JsonNode value = value(field);
        if (value == null || !value.isTextual() || value.textValue().isBlank()) {
            throw fail(field, value == null ? "is missing" : "is not a text");
        }
        return printable(value.textValue());
    }

    public String textOr(String field, String absent) {
        return value(field) == null ? absent : text(field);
    }

    public double number(String field, double least, double most, List<String> sources) {
        JsonNode value = value(field);
        if (value == null) {
            throw fail(field, "is missing");
        }
        return number(field, value, least, most, sources);
    }

    public double numberOr(String field, double absent, double least, double most, List<String> sources) {
        JsonNode value = value(field);
        return value == null ? absent : number(field, value, least, most, sources);
    }

    /** A whole number. */
    public int integer(String field, int least, int most, List<String> sources) {
        double number = number(field, least, most, sources);
        if (number != Math.rint(number)) {
            throw fail(field, "is not a whole number: " + number);
        }
        return (int) number;
    }

    public int integerOr(String field, int absent, int least, int most, List<String> sources) {
        return value(field) == null ? absent : integer(field, least, most, sources);
    }

    /** A number, or an object of a value and its source. */
    private double number(String field, JsonNode value, double least, double most, List<String> sources) {
        if (value instanceof ObjectNode object) {
            ClusterFields sourced = new ClusterFields(where + ": " + field, field, object);
            double number = sourced.number("value", least, most, new ArrayList<>());
            sources.add("%s: %s".formatted(path(field), sourced.textOr("source", "not said")));
            sourced.done();
            return number;
        }
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw fail(field, "is not a number: " + value);
        }
        double number = value.doubleValue();
        if (number < least || number > most) {
            throw fail(field, "is %s, outside %s to %s".formatted(value, plain(least), plain(most)));
        }
        return number;
    }

    private String path(String field) {
        int at = where.indexOf(": ");
        return at < 0 ? field : where.substring(at + 2).replace(": ", " ") + " " + field;
    }

    private static String plain(double number) {
        return number == Math.rint(number) && number < 1e7 ? String.valueOf((long) number) : String.valueOf(number);
    }

    public ClusterFields object(String field) {
        JsonNode value = value(field);
        if (!(value instanceof ObjectNode object)) {
            throw fail(field, value == null ? "is missing" : "is not an object");
        }
        return new ClusterFields(where + ": " + field, field, object);
    }

    /** Members of an object that are objects; none if it is absent. */
    public List<ClusterFields> members(String field) {
        if (value(field) == null) {
            return List.of();
        }
        ClusterFields object = object(field);
        List<ClusterFields> members = new ArrayList<>();
        object.node.fieldNames().forEachRemaining(name -> members.add(object.object(name)));
        return members;
    }

    /** Objects of a list; none if it is absent. */
    public List<ClusterFields> objects(String field) {
        return objects(field, list(field, value(field)));
    }

    private List<ClusterFields> objects(String field, JsonNode list) {
        List<ClusterFields> objects = new ArrayList<>();
        for (JsonNode entry : list) {
            String at = where + ": " + field + "[" + objects.size() + "]";
            if (!(entry instanceof ObjectNode object)) {
                throw new ModelException(at + " is not an object");
            }
            objects.add(new ClusterFields(at, field, object));
        }
        return objects;
    }

    private JsonNode list(String field, JsonNode value) {
        if (value == null) {
            return JsonNodeFactory.instance.arrayNode();
        }
        if (!value.isArray()) {
            throw fail(field, "is not a list");
        }
        return value;
    }

    /** A list of lists of objects. */
    public List<List<ClusterFields>> nestedObjects(String field) {
        List<List<ClusterFields>> lists = new ArrayList<>();
        for (JsonNode entry : list(field, value(field))) {
            String at = field + "[" + lists.size() + "]";
            lists.add(objects(at, list(at, entry)));
        }
        return lists;
    }

    /** A list of pairs of numbers. */
    public List<double[]> pairs(String field) {
        List<double[]> pairs = new ArrayList<>();
        for (JsonNode entry : list(field, value(field))) {
            if (!entry.isArray() || entry.size() != 2 || !entry.get(0).isNumber() || !entry.get(1).isNumber()) {
                throw fail(field, "are not pairs of numbers");
            }
            pairs.add(new double[] {entry.get(0).doubleValue(), entry.get(1).doubleValue()});
        }
        return pairs;
    }
}
