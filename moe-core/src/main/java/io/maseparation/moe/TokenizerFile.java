package io.maseparation.moe;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.files.Utf8Stream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A tokenizer.json before Hugging Face's library gets it. That library is native and ends the process over some of what
 * it does not expect, a file that was cut off in the midst of its decoder among them. So what is not JSON as it reads
 * it, and settings that make its steps fail, are refused here.
 */
final class TokenizerFile {
    /** How added tokens are looked for, each of it on or off. */
    static final List<String> SETTINGS = List.of("single_word", "lstrip", "rstrip", "normalized", "special");

    private static final int LONGEST = 256 << 20;
    /** Characters of a text; more than any context holds. */
    private static final int LONGEST_TEXT = 1 << 22;
    private static final Set<String> PREPARING = Set.of("normalizer", "pre_tokenizer");
    /** When a step puts something before a text. */
    private static final Set<String> PREFIXING = Set.of("first", "always");
    /** Its limit is 128; tokenizers have about ten. */
    private static final int DEEPEST = 100;
    /** The other fields of the file. */
    private static final Set<String> FIELDS = Set.of("version", "truncation", "padding", "model", "added_tokens");
    private static final Set<String> STEPS = Set.of("normalizer", "pre_tokenizer", "post_processor", "decoder");
    private static final String MODEL = "model";
    private static final String PREFIX = "continuing_subword_prefix";
    private static final Pattern BYTE = Pattern.compile("<0x[0-9A-F]{2}>");
    private static final String ALONE = """
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
             "pre_tokenizer": null, "post_processor": null, "decoder": null,
             "model": {"type": "WordLevel", "vocab": {"?": 0}, "unk_token": "?"}}""";

    private static final ObjectMapper JSON = new ObjectMapper(
            JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build());

    private final String name;
    private final List<TokenizerRegex> regexes = new ArrayList<>();
    private final Map<String, Long> added = new LinkedHashMap<>();
    private final Set<String> normalised = new LinkedHashSet<>();
    private final Set<String> special = new LinkedHashSet<>();
    private final Map<String, Set<String>> settings = new HashMap<>();
    private JsonNode normaliser = NullNode.instance;
    private byte[] bytes = {};
    private String prefix = "";
    private String model = "";
    /** Ids of tokens that stand for one byte, where the decoder puts bytes together. */
    private final Set<Integer> byteTokens = new HashSet<>();
    private boolean fallsBack;
    private boolean prefixes;

    private TokenizerFile(String name) {
        this.name = name;
    }

    /**
     * A file that is safe to hand on.
     *
     * @throws ModelException of one line that names the file and what is wrong with it
     */
    static TokenizerFile read(Path file) {
        TokenizerFile checks = new TokenizerFile(Text.printable(file));
        try (InputStream in = Files.newInputStream(file)) {
            if (Files.size(file) > LONGEST) {
                throw checks.fail("is too long for a tokenizer");
            }
            checks.bytes = in.readNBytes(LONGEST);
            checks.checkTokens(checks.bytes);
            checks.checkSteps(checks.bytes);
            return checks;
        } catch (JsonProcessingException e) {
            throw new ModelException(checks.name + ": not valid JSON: " + Text.reason(e), e);
        } catch (IOException e) {
            throw new ModelException(checks.name + ": cannot be read: " + Text.reason(e), e);
        }
    }

    /** Texts of a vocabulary of pieces, each with its score, in the order of their ids. */
    static List<String> pieces(String vocabulary) {
        try {
            List<String> pieces = new ArrayList<>();
            JSON.readTree(vocabulary).forEach(piece -> pieces.add(piece.path(0).asText()));
            return pieces;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What is in the file; once, so that it need not be kept. */
    byte[] takeBytes() {
        byte[] taken = bytes;
        bytes = new byte[0];
        return taken;
    }

    /** Ids of the added tokens by their texts, as the file has them; the library goes on counting where they do not. */
    Map<String, Long> added() {
        return added;
    }

    /**
     * Whether a token stands for one byte, and is a part of a text together with the bytes around it: until there is
     * another token, nobody can tell which.
     */
    boolean isByte(int token) {
        return fallsBack && byteTokens.contains(token);
    }

    /** The kind of its model, such as BPE; empty where the file does not say it. */
    String model() {
        return model;
    }

    /** How each added token is looked for: those of its settings that are on. */
    Map<String, Set<String>> settings() {
        return settings;
    }

    /** Whether something goes before a text, a space as a rule. */
    boolean prefixes() {
        return prefixes;
    }

    /** Added tokens that are special, and no part of a text that is decoded. */
    Set<String> special() {
        return special;
    }

    /** Added tokens that are looked for in a text once it is normalised, and are normalised themselves. */
    Set<String> normalised() {
        return normaliser.isNull() ? Set.of() : normalised;
    }

    /** Another tokenizer.json, which has the normaliser of this one and one token for every text but an empty one. */
    byte[] normaliserAlone() throws IOException {
        ObjectNode alone = JSON.readValue(ALONE, ObjectNode.class);
        alone.set("normalizer", normaliser);
        return JSON.writeValueAsBytes(alone);
    }

    /** An added token that was normalised to nothing would be found in the midst of characters. */
    ModelException vanishes(String token) {
        return fail("added token %s is nothing once it is normalised".formatted(Text.printable(token)));
    }

    /**
     * Checks that a text is safe to hand on.
     *
     * @throws ModelException if it is too long or has half of a character, or some pattern takes too long for it
     */
    void check(String text) {
        if (!Text.isWhole(text)) {
            throw fail("a text has half of a surrogate pair, which is no character");
        }
        if (text.length() > LONGEST_TEXT) {
            throw fail("a text has more than %d characters: give its token ids".formatted(LONGEST_TEXT));
        }
        for (TokenizerRegex regex : regexes) {
            if (regex.takesLong(text)) {
                throw fail("a text is such that a pattern of this file takes too long: give its token ids");
            }
        }
    }

    private ModelException fail(String what) {
        return new ModelException(name + ": " + Text.printable(what));
    }

    /** Strict JSON, with numbers and characters that other parsers know, too. */
    private void checkTokens(byte[] bytes) throws IOException {
        try (JsonParser parser = JSON.createParser(new Utf8Stream(new ByteArrayInputStream(bytes)))) {
            int depth = 0;
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw fail("is not a JSON object");
            }
            for (JsonToken token = parser.currentToken(); token != null; token = parser.nextToken()) {
                depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
                if (depth > DEEPEST) {
                    throw fail("is nested more than %d deep".formatted(DEEPEST));
                }
                if (token.isNumeric() && !Double.isFinite(parser.getDoubleValue())) {
                    throw fail("has a number that is too large: " + parser.getText());
                }
                String name = parser.currentName();
                if (token == JsonToken.VALUE_NUMBER_INT && name != null && isByte(name)) {
                    byteTokens.add((int) parser.getValueAsLong(-1));
                }
                if (depth == 2 && MODEL.equals(parser.getParsingContext().getParent().getCurrentName())) {
                    checkModel(token, name, parser);
                }
                if (token == JsonToken.VALUE_STRING || token == JsonToken.FIELD_NAME) {
                    String text = parser.getText();
                    if (token == JsonToken.VALUE_STRING && isByte(text)) {
                        notePiece(parser.getParsingContext());
                    }
                    if (!Text.isWhole(text)) {
                        throw fail("has half of a surrogate pair in a string: " + text);
                    }
                }
            }
        }
    }

    /** Looks at a field of the model. */
    private void checkModel(JsonToken token, @Nullable String field, JsonParser parser) throws IOException {
        if (token == JsonToken.VALUE_STRING && PREFIX.equals(field)) {
            prefix = parser.getText();
        } else if (token == JsonToken.VALUE_STRING && "type".equals(field)) {
            model = parser.getText();
        } else if (token.isNumeric() && "dropout".equals(field) && parser.getDoubleValue() != 0) {
            throw fail("model: dropout %s takes a text apart in another way each time: set it to null"
                    .formatted(parser.getText()));
        }
    }

    private static boolean isByte(String piece) {
        return piece.length() == 6 && BYTE.matcher(piece).matches();
    }

    /** A byte in a vocabulary of pieces, each with its score. */
    private void notePiece(JsonStreamContext context) {
        if (context.inArray() && context.getCurrentIndex() == 0 && context.getParent().inArray()) {
            byteTokens.add(context.getParent().getCurrentIndex());
        }
    }

    private void checkSteps(byte[] bytes) throws IOException {
        try (JsonParser parser = JSON.createParser(bytes)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String field = parser.currentName();
                parser.nextToken();
                if (field.equals("added_tokens")) {
                    JsonNode tokens = parser.readValueAsTree();
                    for (JsonNode token : tokens) {
                        String content = token.path("content").asText();
                        added.putIfAbsent(content, token.path("id").asLong());
                        settings.put(content, SETTINGS.stream()
                                .filter(name -> token.path(name).asBoolean(name.equals("normalized")))
                                .collect(Collectors.toUnmodifiableSet()));
                        if (token.path("normalized").asBoolean(true) && !content.isEmpty()) {
                            normalised.add(content);
                        }
                        if (token.path("special").asBoolean() && !content.isEmpty()) {
                            special.add(content);
                        }
                    }
                } else if (STEPS.contains(field)) {
                    JsonNode step = parser.readValueAsTree();
                    check(field, step);
                    normaliser = field.equals("normalizer") ? step : normaliser;
                } else if (field.equals(MODEL) && !prefix.isEmpty()) {
                    JsonNode model = parser.readValueAsTree();
                    model.path("merges").forEach(this::checkMerge);
                } else {
                    if (!FIELDS.contains(field)) {
                        throw fail("has a field " + field + ", which is not known of a tokenizer");
                    }
                    parser.skipChildren();
                }
            }
        }
    }

    /** Checks a step and those within it. */
    private void check(String kind, JsonNode step) {
        step.forEach(part -> check(kind, part));
        String type = step.path("type").asText();
        prefixes |= PREPARING.contains(kind) && (step.path("add_prefix_space").asBoolean()
                || PREFIXING.contains(step.path("prepend_scheme").asText()) || type.equals("Prepend"));
        fallsBack |= (kind + " " + type).equals("decoder ByteFallback");
        JsonNode regex = step.path("pattern").path("Regex");
        if (regex.isTextual()) {
            TokenizerRegex checked = new TokenizerRegex(regex.textValue());
            if (!checked.wrong().isEmpty()) {
                throw fail("%s %s: pattern %s %s".formatted(kind, type, Text.printable(regex), checked.wrong()));
            }
            regexes.add(checked);
        }
        String wrong = switch (kind + " " + type) {
            case "decoder Strip" -> step.path("stop").asDouble() == 0 ? "" : "stop must be 0";
            case "pre_tokenizer FixedLength" -> step.path("length").asDouble() > 0 ? "" : "length must be above 0";
            case "post_processor TemplateProcessing" -> template(step);
            case "normalizer Prepend" -> step.path("prepend").asText().isEmpty() ? "prepend must not be empty" : "";
            case "normalizer Replace" -> replaced(step.path("pattern"));
            case "normalizer Precompiled" -> CharsMap.isValid(step.path("precompiled_charsmap").asText())
                    ? ""
                    : "precompiled_charsmap is broken";
            default -> "";
        };
        if (!wrong.isEmpty()) {
            throw fail("%s %s: %s".formatted(kind, type, wrong));
        }
    }

    /** The library cuts the prefix off whatever is merged with something before it. */
    private void checkMerge(JsonNode merge) {
        String text = merge.asText();
        String second = merge.isArray() ? merge.path(1).asText() : text.substring(text.indexOf(' ') + 1);
        if (!second.startsWith(prefix)) {
            throw fail("model: merge %s is not with something that has the %s %s".formatted(merge, PREFIX, prefix));
        }
    }

    private static String template(JsonNode step) {
        for (String part : new String[] {"single", "pair"}) {
            for (JsonNode piece : step.path(part)) {
                JsonNode special = piece.path("SpecialToken").path("id");
                if (special.isTextual() && !step.path("special_tokens").has(special.textValue())) {
                    return "%s has %s, which special_tokens does not".formatted(part, special);
                }
                if (part.equals("single") && piece.path("Sequence").path("id").asText("A").equals("B")) {
                    return "single has sequence B";
                }
            }
        }
        return "";
    }

    /** What matches nothing at all is found behind the last character, where nothing is. */
    private static String replaced(JsonNode pattern) {
        if (pattern.path("String").asText("x").isEmpty()) {
            return "pattern must not be empty";
        }
        return new TokenizerRegex(pattern.path("Regex").asText("x")).matchesNothing()
                ? "pattern %s matches an empty text".formatted(pattern)
                : "";
    }
}
