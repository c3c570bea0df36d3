package io.maseparation.files;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Strict JSON as a tree: duplicate fields, trailing text, files that are too long and text that is not UTF-8 are
 * refused. Fields of an object are read with {@link JsonFile}, which checks their types.
 */
public final class JsonTree {
    /** Longest file of any kind, in bytes. */
    public static final long LONGEST = 256L << 20;
    /** Longest file that says what something is like rather than list it: a tree takes twenty times as much memory. */
    private static final long LONGEST_OBJECT = 64L << 20;
    /** The length counts while it is read: what a device or a pipe holds is not known before. */
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxDocumentLength(LONGEST).build())
            .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private JsonTree() {}

    /**
     * {@return the value in a file, of whatever kind it is}
     *
     * @param file the file
     * @throws ModelException if the file cannot be read, is too long, or holds anything but one JSON value
     */
    public static JsonNode read(Path file) {
        return read(file, LONGEST);
    }

    private static JsonNode read(Path file, long longest) {
        String name = Text.printable(file);
        try (InputStream in = Files.newInputStream(file)) {
            long size = Files.size(file);
            if (size > longest) {
                throw new ModelException(
                        name + ": %s are too much for a JSON file".formatted(Text.bytes((double) size)));
            }
            JsonNode tree = MAPPER.readTree(new Utf8Stream(in));
            if (tree.isMissingNode()) {
                throw new ModelException(name + ": is empty");
            }
            return tree;
        } catch (NoSuchFileException e) {
            throw new ModelException(name + ": no such file", e);
        } catch (JsonProcessingException e) {
            String field = e.getProcessor() instanceof JsonParser parser
                    ? parser.getParsingContext().getCurrentName()
                    : null;
            throw new ModelException(name + ": not valid JSON: " + Text.reason(e)
                    + (field == null ? "" : ", at " + Text.printable(field)), e);
        } catch (IOException e) {
            throw new ModelException(name + ": cannot be read: " + Text.reason(e), e);
        }
    }

    /**
     * {@return the object in a file}
     *
     * @param file the file
     */
    public static ObjectNode object(Path file) {
        return object(file, LONGEST_OBJECT);
    }

    /**
     * {@return the object in a file, which may be long}
     *
     * @param file the file
     * @param longest most bytes that it may have
     */
    public static ObjectNode object(Path file, long longest) {
        return asObject(Text.printable(file), read(file, longest));
    }

    private static ObjectNode asObject(String name, JsonNode tree) {
        if (tree instanceof ObjectNode object) {
            return object;
        }
        throw new ModelException(name + ": not a JSON object");
    }

    static ObjectNode object(String name, InputStream in) throws IOException {
        return asObject(name, MAPPER.readTree(new Utf8Stream(in)));
    }
}
