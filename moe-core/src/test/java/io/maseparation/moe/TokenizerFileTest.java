package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.files.Json;
import io.maseparation.files.ModelException;
import io.maseparation.moe.testing.Fuzz;
import io.maseparation.moe.testing.SafetensorsWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever would make the native library end the process is refused before it gets it. */
class TokenizerFileTest {
    private static final String PLAIN = """
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
             "pre_tokenizer": null, "post_processor": null, "decoder": null,
             "model": {"type": "WordLevel", "vocab": {"<unk>": 0, "b": 1, "d": 2}, "unk_token": "<unk>"}}""";

    @TempDir
    Path temp;

    private Path file(String text) {
        return SafetensorsWriter.text(temp.resolve("tokenizer.json"), text);
    }

    private static String with(String kind, String step) {
        return PLAIN.replace("\"%s\": null".formatted(kind), "\"%s\": %s".formatted(kind, step));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "decoder        | {'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 1}          | decoder Strip: stop must be 0",
        "decoder        | {'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 4294967296} | decoder Strip: stop must be 0",
        "decoder        | {'type': 'Sequence', 'decoders': [{'type': 'Fuse'}, {'type': 'Strip', 'stop': 2}]} | stop must be 0",
        "pre_tokenizer  | {'type': 'FixedLength', 'length': 0}                              | length must be above 0",
        "post_processor | {'type': 'TemplateProcessing', 'single': [{'SpecialToken': {'id': '<s>', 'type_id': 0}}]} | \"<s>\"",
        "post_processor | {'type': 'TemplateProcessing', 'single': [{'Sequence': {'id': 'B', 'type_id': 0}}]} | sequence B",
        "normalizer     | {'type': 'Prepend', 'prepend': ''}                                | prepend must not be empty",
        "normalizer     | {'type': 'Replace', 'pattern': {'String': ''}, 'content': 'a'}    | must not be empty",
        "normalizer     | {'type': 'Replace', 'pattern': {'Regex': 'a*'}, 'content': 'a'}   | matches an empty text",
        "normalizer     | {'type': 'Replace', 'pattern': {'Regex': '(?<=a)'}, 'content': 'a'} | matches an empty text",
        "normalizer     | {'type': 'Replace', 'pattern': {'Regex': '(?<=.)$'}, 'content': 'a'} | matches an empty text",
        "normalizer     | {'type': 'Replace', 'pattern': {'Regex': '(?!^)$'}, 'content': 'a'} | matches an empty text",
        "normalizer     | {'type': 'Replace', 'pattern': {'Regex': '\\\\b'}, 'content': 'a'} | matches an empty text",
        "normalizer     | {'type': 'Replace', 'pattern': {'Regex': '((){99999}){99999}'}, 'content': 'a'} | more than 9999",
        "normalizer     | {'type': 'Replace', 'pattern': {'Regex': '(a'}, 'content': 'a'}   | not a regular expression",
        "normalizer     | {'type': 'Precompiled', 'precompiled_charsmap': ''}               | precompiled_charsmap is broken",
        "normalizer     | {'type': 'Precompiled', 'precompiled_charsmap': 'AAAA'}           | precompiled_charsmap is broken",
        "decoder        | 1e999                                                             | a number that is too large",
        "decoder        | '\\ud800'                                                         | half of a surrogate pair",
        "decoder        | {'type': 'Fuse', 'type': 'Fuse'}                                  | not valid JSON",
        "decoder        | {'type'                                                           | not valid JSON"})
    void refusesSettingsThatMakeItsStepsFail(String kind, String step, String complaint) {
        Path file = file(with(kind, step.replace('\'', '"')));
        assertComplains(() -> TokenizerFile.read(file), "tokenizer.json: ", complaint);
    }

    @ParameterizedTest
    @ValueSource(strings = {"[", "{\"a\":"})
    void refusesWhatIsNestedTooDeep(String open) {
        for (int depth : new int[] {100, 900, 5000}) {
            assertComplains(() -> TokenizerFile.read(file(with("decoder", open.repeat(depth)))), "tokenizer.json: ");
        }
    }

    @Test
    void aFileThatWasCutOffIsRefusedWhereverThatIs() throws IOException {
        try (InputStream in = getClass().getResourceAsStream("/tokenizer/tokenizer.json")) {
            String whole = new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
            for (int length = 0; length < whole.length(); length++) {
                Path file = file(whole.substring(0, length));
                assertComplains(() -> TokenizerFile.read(file), "tokenizer.json: ");
            }
            assertThat(new String(TokenizerFile.read(file(whole)).takeBytes(), StandardCharsets.UTF_8))
                    .isEqualTo(whole);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "decoder        | {'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 0}",
        "padding        | ['a', {'b': ['c']}]",
        "normalizer     | {'type': 'Replace', 'pattern': {'String': ' '}, 'content': '_'}",
        "normalizer     | {'type': 'Replace', 'pattern': {'Regex': ' {2,}'}, 'content': '_'}",
        "normalizer     | {'type': 'Replace', 'pattern': {'Regex': '[\\\\p{Han}\\\\s]+'}, 'content': '_'}",
        "post_processor | {'type': 'TemplateProcessing', 'single': [{'SpecialToken': {'id': '<s>', 'type_id': 0}}], 'special_tokens': {'<s>': {}}}"})
    void leavesTheUsualAlone(String kind, String step) {
        assertThat(TokenizerFile.read(file(with(kind, step.replace('\'', '"')))).takeBytes()).isNotEmpty();
    }

    private TokenizerFile split(String kind, String regex) {
        return TokenizerFile.read(file(with(kind, Json.write(
                Map.of("type", "Sequence", "steps",
                        List.of(Map.of("type", "Split", "pattern", Map.of("Regex", regex))))))));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "(a+)+$", "(?:x|[ab]|a)*$", "((\\d{2,3})b?){4}", "(a\\g<1>?)", "(\\w*\\s)+x", "(?i:(?<n>a*)){2,}b",
        "[(]((a?[)])c){5}",
        "\\p{L}(\\(|\\p{N})*x"})
    void refusesPatternsThatCanTakeForEver(String regex) {
        for (String kind : List.of("normalizer", "pre_tokenizer", "decoder")) {
            assertComplains(() -> split(kind, regex), kind + " Split: pattern", "may match in several ways");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "(?i:[sdmt]|ll|ve|re)?[^\\r\\n\\p{L}]?\\p{Lu}*[\\p{Ll}(+]+|\\s+(?!\\S)", "\\d(?=(\\d{3})+(?!\\d))", "\\(a+\\)+",
        "(ab)*[)](c{3}){7}",
        "(?:a|b)?(?i)c+", "(a+|b){1,3}"})
    void leavesPatternsOfTokenizersAlone(String regex) {
        split("pre_tokenizer", regex).check("a1234 b 'll (aa) abab)\n\n ccc ".repeat(1000));
    }

    @Test
    void refusesTextsThatAPatternTakesTooLongFor() {
        TokenizerFile checks = split("pre_tokenizer", "a*a*a*a*b|\\s*[\\r\\n]+|\\s+|\\p{N}{1,3}");
        for (String text : List.of("", "some  text of 1000000\n words ".repeat(20_000), " ".repeat(1_000_000),
                "a".repeat(20))) {
            checks.check(text);
        }
        for (String text : List.of("a".repeat(300), " ".repeat(4_000_000) + "x", "x".repeat(5_000_000))) {
            assertComplains(() -> checks.check(text), "tokenizer.json: a text ", "give its token ids");
        }
    }

    /** An added token that is nothing is found between the bytes of a character, where nothing can be cut. */
    @Test
    void refusesAddedTokensThatAreNormalisedToNothing() {
        TokenizerTest.assumeNativeLibrary();
        String token = """
                [{"id": 2, "content": "d", "single_word": false, "lstrip": true, "rstrip": true, "normalized": true,
                  "special": true}]""";
        for (String by : List.of("", "b")) {
            Path file = file(with("normalizer",
                    "{\"type\": \"Replace\", \"pattern\": {\"String\": \"d\"}, \"content\": \"%s\"}".formatted(by))
                    .replace("\"added_tokens\": []", "\"added_tokens\": " + token));
            try (Tokenizer tokenizer = Tokenizer.lazily(file)) {
                if (by.isEmpty()) {
                    assertComplains(() -> tokenizer.encode("é中😀"),
                            "tokenizer.json: added token d is nothing once it is normalised");
                } else {
                    assertThat(tokenizer.encode("d")).containsExactly(2);
                }
            }
        }
    }

    /** A table that makes an a of "b", as SentencePiece stores it. */
    private static byte[] table() {
        ByteBuffer table = ByteBuffer.allocate(4 + 256 * 4 + 2).order(ByteOrder.LITTLE_ENDIAN);
        table.putInt(256 * 4);
        // The walk begins at unit 0. That of 'a' has a leaf at 'a' ^ 96 = 1, which says where the text is.
        table.putInt(4 + 4 * 'a', 'a' | (1 << 8) | (96 << 10));
        return table.put(4 + 256 * 4, (byte) 'b').array();
    }

    private static String base64(byte[] table) {
        return Base64.getEncoder().encodeToString(table);
    }

    @Test
    void readsATableOfNormalisedTextsAsTheLibraryDoes() {
        TokenizerTest.assumeNativeLibrary();
        assertThat(CharsMap.isValid(base64(table()))).isTrue();
        Path file = file(with("normalizer",
                "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"%s\"}".formatted(base64(table()))));
        try (Tokenizer tokenizer = Tokenizer.lazily(file)) {
            assertThat(tokenizer.encode("a")).containsExactly(1);
            assertThat(tokenizer.encode("d")).containsExactly(2);
        }
    }

    @Test
    void refusesATableWhoseWalksLeaveIt() {
        byte[] far = table();
        ByteBuffer.wrap(far).order(ByteOrder.LITTLE_ENDIAN).putInt(4 + 4 * 'a', 'a' | (1 << 9) | (96 << 10));
        assertThat(CharsMap.isValid(base64(far))).isFalse();
        byte[] text = table();
        ByteBuffer.wrap(text).order(ByteOrder.LITTLE_ENDIAN).putInt(8, 3);
        assertThat(CharsMap.isValid(base64(text))).isFalse();
        byte[] root = table();
        ByteBuffer.wrap(root).order(ByteOrder.LITTLE_ENDIAN).putInt(4, 1 << 20);
        assertThat(CharsMap.isValid(base64(root))).isFalse();
        byte[] characters = table();
        characters[characters.length - 2] = (byte) 0xFF;
        assertThat(CharsMap.isValid(base64(characters))).isFalse();
        assertThat(CharsMap.isValid("?")).isFalse();
    }

    /** The library survives every table that passes; it would take this JVM with it. */
    @Test
    void theLibraryWalksEveryTableThatPasses() {
        TokenizerTest.assumeNativeLibrary();
        Random random = new Random(5);
        int passed = 0;
        for (int i = 0; i < 200 * Fuzz.TIMES; i++) {
            byte[] table = table();
            for (int k = random.nextInt(4); k >= 0; k--) {
                table[4 + random.nextInt(random.nextBoolean() ? 8 : table.length - 4)] ^=
                        (byte) (1 << random.nextInt(8));
            }
            Path file = file(with("normalizer",
                    "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"%s\"}".formatted(base64(table))));
            try (Tokenizer tokenizer = Tokenizer.lazily(file)) {
                assertThat(tokenizer.encode("a\u0001\u0002 dé\u007f")).isNotEmpty();
                passed++;
            } catch (ModelException e) {
                assertThat(e).hasMessageContaining("precompiled_charsmap is broken");
            }
        }
        assertThat(passed).isBetween(1, 200 * Fuzz.TIMES - 1);
    }

    @Test
    void whatIsMergedHasThePrefixThatIsCutOff() {
        String bpe = PLAIN.replaceFirst("\"model\": .*", """
                "model": {"type": "BPE", "vocab": {"a": 0, "##b": 1, "ab": 2}, "merges": [%s],
                          "continuing_subword_prefix": "##"}}""");
        assertComplains(() -> TokenizerFile.read(file(bpe.formatted("[\"a\", \"b\"]"))),
                "tokenizer.json: model: merge");
        assertComplains(() -> TokenizerFile.read(file(bpe.formatted("\"a b\""))), "continuing_subword_prefix ##");
        TokenizerTest.assumeNativeLibrary();
        for (String merge : new String[] {"[\"a\", \"##b\"]", "\"a ##b\""}) {
            try (Tokenizer tokenizer = Tokenizer.lazily(file(bpe.formatted(merge)))) {
                assertThat(tokenizer.encode("ab")).containsExactly(2);
            }
        }
    }

    @Test
    void anIdThatIsNoneHereIsRefused() {
        TokenizerTest.assumeNativeLibrary();
        Path file = file(PLAIN.replace("\"b\": 1", "\"b\": 4294967295"));
        try (Tokenizer tokenizer = Tokenizer.lazily(file)) {
            assertComplains(() -> tokenizer.encode("b"), "tokenizer.json: token id 4294967295 is above");
        }
    }
}
