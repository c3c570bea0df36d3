package io.maseparation.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;

/** Writes maps, lists, strings, numbers, booleans and null as JSON; a number that is not finite becomes null. */
public final class Json {
    private static final ObjectWriter WRITER = JsonMapper.builder()
            .build()
            .writer(new DefaultPrettyPrinter(Separators.createDefaultInstance()
                    .withObjectFieldValueSpacing(Separators.Spacing.AFTER)
                    .withArrayEmptySeparator("")
                    .withObjectEmptySeparator(""))
                    .withObjectIndenter(new DefaultIndenter("  ", "\n")));

    private Json() {}

    /**
     * The document, indented, objects with one member per line and lists of numbers on one line.
     *
     * @param value maps, lists, strings, numbers, booleans and null
     * @return text that ends with a line feed
     */
    public static String write(Object value) {
        try {
            return WRITER.writeValueAsString(node(value)) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of plain values cannot be written", e);
        }
    }

    private static JsonNode node(Object value) {
        JsonNodeFactory factory = JsonNodeFactory.instance;
        return switch (value) {
            case null -> factory.nullNode();
            case String text -> factory.textNode(text);
            case Boolean flag -> factory.booleanNode(flag);
            case Integer number -> factory.numberNode(number);
            case Long number -> factory.numberNode(number);
            case Float number -> Float.isFinite(number) ? factory.numberNode(number) : factory.nullNode();
            case Double number -> Double.isFinite(number) ? factory.numberNode(number) : factory.nullNode();
            case float[] numbers -> {
                ArrayNode array = factory.arrayNode(numbers.length);
                for (float number : numbers) {
                    array.add(node(number));
                }
                yield array;
            }
            case Iterable<?> values -> {
                ArrayNode array = factory.arrayNode();
                values.forEach(v -> array.add(node(v)));
                yield array;
            }
            case Map<?, ?> members -> {
                ObjectNode object = factory.objectNode();
                members.forEach((name, v) -> object.set(String.valueOf(name), node(v)));
                yield object;
            }
            default -> throw new IllegalArgumentException("not a plain value: " + value.getClass());
        };
    }
}
