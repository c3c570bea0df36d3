package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.maseparation.moe.testing.SafetensorsWriter;
import io.maseparation.moe.testing.TestCheckpoint;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Settings of a tokenizer that its files have otherwise, or that nothing here follows. */
class TokenizerSettingsTest {
    private static final String TOKEN = """
            {"id": %d, "content": "%s", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
             "special": %s}""";

    @TempDir
    Path temp;

    private final List<String> lines = new ArrayList<>();

    private static ObjectNode usual() throws IOException {
        try (InputStream in = TokenizerSettingsTest.class.getResourceAsStream("/tokenizer/tokenizer.json")) {
            return (ObjectNode) new ObjectMapper().readTree(in);
        }
    }

    private Path write(String name, Object text) {
        SafetensorsWriter.text(temp.resolve(name), text.toString());
        return temp.resolve(name);
    }

    private void load(ObjectNode file, String config) {
        lines.clear();
        write("tokenizer_config.json", config.replace('\'', '"'));
        try (Tokenizer tokenizer = Tokenizer.lazily(write("tokenizer.json", file), lines::add)) {
            tokenizer.load();
            tokenizer.encode("and");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'special': true                                        |",
        "'special': true, 'normalized': false, 'lstrip': false  |",
        "'special': false, 'normalized': false                  |",
        "'special': false                                       |",
        "'special': true, 'rstrip': true                        | rstrip of <s> is true, where tokenizer.json",
        "'lstrip': true, 'single_word': true                    | single_word of <s> is true and 1 more, where",
        "'special': false, 'normalized': true                   | normalized of <s> is true, where"})
    void settingsOfAddedTokensThatTheFilesHaveOtherwiseAreSaid(String settings, String named) throws IOException {
        TokenizerTest.assumeNativeLibrary();
        load(usual(), "{'added_tokens_decoder': {'1': {'content': '<s>', %s}}}".formatted(settings));
        if (named == null) {
            assertThat(lines).isEmpty();
        } else {
            assertThat(lines).singleElement(STRING)
                    .contains("tokenizer_config.json: added_tokens_decoder: " + named);
        }
    }

    @Test
    void aTokenThatIsSpecialInTheOtherFileOnlyIsSaid() throws IOException {
        TokenizerTest.assumeNativeLibrary();
        ObjectNode file = usual();
        file.withArray("added_tokens").add(new ObjectMapper().readTree(TOKEN.formatted(6, "<x>", false)));
        load(file, "{'added_tokens_decoder': {'6': {'content': '<x>', 'special': true}}}");
        assertThat(lines).singleElement(STRING).contains("special of <x> is true, where tokenizer.json");
    }

    /** Whatever ids a file gives to added tokens, and whether its vocabulary has them. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void theEndOfATextHasTheIdThatTheLibraryCounts(long seed) throws IOException {
        TokenizerTest.assumeNativeLibrary();
        TestCheckpoint.of("mixtral", "{\"eos_token_id\": 7}", 1).write(temp);
        Random random = new Random(seed);
        ObjectNode file = usual();
        if (random.nextBoolean()) {
            ((ObjectNode) file.at("/model/vocab")).put("<b>", 6 + random.nextInt(5));
        }
        for (String token : List.of("<a>", "<b>", "<c>")) {
            file.withArray("added_tokens")
                    .add(new ObjectMapper().readTree(TOKEN.formatted(random.nextInt(30), token, true)));
        }
        for (String token : List.of("<a>", "<b>", "<c>", "<s>", "apart")) {
            write("tokenizer_config.json", "{\"eos_token\": \"%s\"}".formatted(token));
            Path written = write("tokenizer.json", file);
            try (Tokenizer tokenizer = Tokenizer.lazily(written, lines::add)) {
                assertThat(HfConfig.open(temp, lines::add).read().vocabulary().eosTokens()).as(token)
                        .contains(7, tokenizer.encodePlain(token)[0]);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"WordLevel, false, true", "BPE, false, false", "BPE, true, true"})
    void spacesThatTransformersTakesOutOfTextsAreSaid(String model, boolean all, boolean said) throws IOException {
        TokenizerTest.assumeNativeLibrary();
        ObjectNode file = usual();
        if (model.equals("BPE")) {
            file.set("model", new ObjectMapper().readTree("""
                    {"type": "BPE", "vocab": {"<unk>": 0, "<s>": 1, "a": 2, "n": 3, "d": 4}, "merges": []}"""));
        }
        load(file, "{'clean_up_tokenization_spaces': false}");
        assertThat(lines).isEmpty();
        load(file, """
                {'clean_up_tokenization_spaces': true,
                 'clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output': %s}""".formatted(all));
        if (said) {
            assertThat(lines).singleElement(STRING).contains("clean_up_tokenization_spaces is true");
        } else {
            assertThat(lines).isEmpty();
        }
    }

    /** What the other file says of a space before a text. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{'type': 'ByteLevel', 'add_prefix_space': true, 'trim_offsets': true, 'use_regex': true}   | true  | false",
        "{'type': 'ByteLevel', 'add_prefix_space': true, 'trim_offsets': true, 'use_regex': true}   | false | true",
        "{'type': 'ByteLevel', 'add_prefix_space': false, 'trim_offsets': true, 'use_regex': true}  | true  | true",
        "{'type': 'ByteLevel', 'add_prefix_space': false, 'trim_offsets': true, 'use_regex': true}  | null  | false",
        "{'type': 'Metaspace', 'replacement': '_', 'prepend_scheme': 'first', 'split': true}        | true  | false",
        "{'type': 'Metaspace', 'replacement': '_', 'prepend_scheme': 'first', 'split': true}        | false | true",
        "{'type': 'Metaspace', 'replacement': '_', 'prepend_scheme': 'never', 'split': true}        | true  | true",
        "{'type': 'Whitespace'}                                                                     | false | false"})
    void aSpaceBeforeATextThatTheFilesHaveOtherwiseIsSaid(String step, String flag, boolean said) throws IOException {
        TokenizerTest.assumeNativeLibrary();
        ObjectNode file = usual();
        file.set("pre_tokenizer", new ObjectMapper().readTree(step.replace('\'', '"')));
        load(file, "{'add_prefix_space': %s}".formatted(flag));
        if (said) {
            assertThat(lines).singleElement(STRING)
                    .contains("add_prefix_space is " + flag + ", where tokenizer.json has it otherwise");
        } else {
            assertThat(lines).isEmpty();
        }
    }

    @Test
    void halfOfACharacterIsNoText() throws IOException {
        TokenizerTest.assumeNativeLibrary();
        try (Tokenizer tokenizer = Tokenizer.lazily(write("tokenizer.json", usual()))) {
            assertThat(tokenizer.encode("and \uD83D\uDE00")).containsExactly(1, 3, 0);
            for (String half : List.of("\uD83D", "and \uDE00", "\uDE00\uD83D")) {
                assertComplains(() -> tokenizer.encode(half), "tokenizer.json: a text has half of a surrogate pair");
            }
        }
    }

    @Test
    void textsThatWouldBeTakenApartAtRandomAreRefused() throws IOException {
        for (String dropout : List.of("null", "0", "0.0", "0.1", "1")) {
            ObjectNode file = usual();
            file.set("model", new ObjectMapper().readTree("""
                    {"type": "BPE", "dropout": %s, "vocab": {"a": 0}, "merges": []}""".formatted(dropout)));
            Path written = write("tokenizer.json", file);
            if (dropout.endsWith("1")) {
                assertComplains(() -> TokenizerFile.read(written), "tokenizer.json: model: dropout " + dropout);
            } else {
                assertThat(TokenizerFile.read(written).model()).isEqualTo("BPE");
            }
        }
    }
}
