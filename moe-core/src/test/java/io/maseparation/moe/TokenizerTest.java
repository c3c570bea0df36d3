package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.moe.testing.SafetensorsWriter;
import io.maseparation.moe.testing.TestCheckpoint;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizerTest {
    @TempDir
    Path temp;

    private Path file() throws IOException {
        Path file = temp.resolve("tokenizer.json");
        try (InputStream in = getClass().getResourceAsStream("/tokenizer/tokenizer.json")) {
            Files.write(file, in.readAllBytes());
        }
        return file;
    }

    static void assumeNativeLibrary() {
        boolean loads;
        try {
            LibUtils.checkStatus();
            loads = true;
        } catch (RuntimeException | LinkageError e) {
            loads = false;
        }
        assumeTrue(loads, "the tokenizer's native library does not load here");
    }

    @Test
    void encodesAsHuggingFaceAndDecodesWithoutSpecialTokens() throws IOException {
        assumeNativeLibrary();
        try (Tokenizer tokenizer = Tokenizer.lazily(file())) {
            assertThat(tokenizer.encode("attention and experts apart")).containsExactly(1, 2, 3, 4, 5);
            assertThat(tokenizer.encode("")).containsExactly(1);
            assertThat(tokenizer.decode(new int[] {1, 4, 3, 2})).isEqualTo("experts and attention");
            assertThat(tokenizer.encode("nobody")).containsExactly(1, 0);
        }
    }

    @Test
    void aCheckpointHasTheOneBesideIt() throws IOException {
        TestCheckpoint.of("mixtral", "{}", 1).write(temp);
        file();
        try (Checkpoint checkpoint = Checkpoint.open(temp)) {
            assertThat(checkpoint.tokenizer()).isPresent();
        }
    }

    @Test
    void complainsOfAFileThatIsNone() throws IOException {
        assumeNativeLibrary();
        SafetensorsWriter.text(temp.resolve("tokenizer.json"), "{\"model\":\n{}}");
        // Nothing is read before it is needed.
        try (Tokenizer tokenizer = Tokenizer.lazily(temp.resolve("tokenizer.json"));
                Tokenizer none = Tokenizer.lazily(temp.resolve("none.json"))) {
            assertComplains(() -> tokenizer.encode("a"), "tokenizer.json: tokenizer failed");
            assertComplains(() -> none.encode("a"), "none.json: ");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{}                                                                            | 1 2",
        "{'add_bos_token': false, 'bos_token': '<s>'}                                  | 2",
        "{'add_bos_token': true, 'bos_token': {'content': '<s>'}}                      | 1 2",
        "{'add_bos_token': true, 'bos_token': '<unk>'}                                 | 0 1 2",
        "{'add_eos_token': true, 'eos_token': '<unk>'}                                 | 1 2 0",
        "{'add_bos_token': false, 'add_eos_token': true, 'bos_token': '<s>', 'eos_token': 'apart'} | 2 5",
        "{'add_bos_token': null, 'add_eos_token': false, 'bos_token': null}            | 1 2",
    })
    void tokensAroundATextAreThoseThatTheConfigurationAsksFor(String json, String ids) throws IOException {
        assumeNativeLibrary();
        SafetensorsWriter.text(temp.resolve("tokenizer_config.json"), json.replace('\'', '"'));
        try (Tokenizer tokenizer = Tokenizer.lazily(file())) {
            assertThat(tokenizer.encode("attention"))
                    .containsExactly(Arrays.stream(ids.split(" ")).mapToInt(Integer::parseInt).toArray());
            assertThat(tokenizer.encodePlain("attention")).containsExactly(2);
            assertThat(tokenizer.encode("")).containsExactly(Arrays.stream(ids.split(" "))
                    .mapToInt(Integer::parseInt)
                    .filter(id -> id != 2)
                    .toArray());
        }
    }

    @Test
    void complainsOfATokenToAddThatIsNone() throws IOException {
        assumeNativeLibrary();
        SafetensorsWriter.text(temp.resolve("tokenizer_config.json"), "{\"add_bos_token\": true}");
        try (Tokenizer tokenizer = Tokenizer.lazily(file())) {
            assertComplains(() -> tokenizer.encode("and"), "tokenizer_config.json: add_bos_token is true", "missing");
        }
        SafetensorsWriter.text(temp.resolve("tokenizer_config.json"),
                "{\"add_eos_token\": true, \"eos_token\": \"and apart\"}");
        try (Tokenizer tokenizer = Tokenizer.lazily(file())) {
            assertComplains(() -> tokenizer.encode("and"), "'and apart' is not one token");
        }
    }

    @Test
    void anAddedTokenWhoseIdIsNotThatOfTheFileIsSaid() throws IOException {
        assumeNativeLibrary();
        String usual = Files.readString(file());
        String token =
                """
                        , {"id": %d, "content": "%s", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                           "special": true}""";
        for (int id : new int[] {6, 5000}) {
            List<String> lines = new ArrayList<>();
            int end = usual.indexOf(']', usual.indexOf("added_tokens"));
            SafetensorsWriter.text(temp.resolve("tokenizer.json"), usual.substring(0, end)
                    + token.formatted(id, "<x>") + token.formatted(id + 1, "<y>") + usual.substring(end));
            try (Tokenizer tokenizer = Tokenizer.lazily(temp.resolve("tokenizer.json"), lines::add)) {
                assertThat(tokenizer.encodePlain("and<x><y>")).containsExactly(3, 6, 7);
                tokenizer.encode("and");
            }
            if (id == 6) {
                assertThat(lines).isEmpty();
            } else {
                assertThat(lines).singleElement(STRING).contains("added token <x> has id 6, ", "and not 5000",
                        "2 in all");
            }
        }
    }

    @Test
    void theEndOfATextIsKnownFromWhicheverFileSaysIt() throws IOException {
        TestCheckpoint.of("mixtral", "{\"eos_token_id\": 7}", 1).write(temp);
        file();
        Path config = temp.resolve("tokenizer_config.json");
        SafetensorsWriter.text(config, "{\"eos_token\": \"<unk>\"}");
        assertThat(HfConfig.read(temp).vocabulary().eosTokens()).containsExactly(7, 0);
        SafetensorsWriter.text(config,
                "{\"eos_token\": \"<e>\", \"added_tokens_decoder\": {\"9\": {\"content\": \"<e>\"}}}");
        assertThat(HfConfig.read(temp).vocabulary().eosTokens()).containsExactly(7, 9);
        SafetensorsWriter.text(temp.resolve("generation_config.json"), "{\"eos_token_id\": [3]}");
        assertThat(HfConfig.read(temp).vocabulary().eosTokens()).containsExactly(3);
    }

    @Test
    void tokensThatTheConfigurationAddsAndTheFileDoesNotHaveAreSaid() throws IOException {
        assumeNativeLibrary();
        Path config = temp.resolve("tokenizer_config.json");
        for (String added : List.of("\"0\": {\"content\": \"<unk>\"}", "\"3\": {\"content\": \"and\"}",
                "\"6\": {\"content\": \"<x>\"}, \"7\": {\"content\": \"<y>\"}", "\"4\": {\"content\": \"and\"}")) {
            SafetensorsWriter.text(config, "{\"added_tokens_decoder\": {%s}}".formatted(added));
            List<String> lines = new ArrayList<>();
            try (Tokenizer tokenizer = Tokenizer.lazily(file(), lines::add)) {
                tokenizer.encode("and");
                tokenizer.encode("and");
            }
            if (added.startsWith("\"0") || added.startsWith("\"3")) {
                assertThat(lines).as(added).isEmpty();
            } else {
                assertThat(lines).as(added).singleElement(STRING)
                        .contains("tokenizer_config.json: added_tokens_decoder has "
                                + (added.startsWith("\"6") ? "<x> as a token and 1 more" : "and as a token"));
            }
        }
    }

    @Test
    void aTemplateThatContradictsTheOtherFilesIsUsedAndSaid() {
        List<String> lines = new ArrayList<>();
        SafetensorsWriter.text(temp.resolve("chat_template.jinja"), "one");
        assertThat(TokenizerConfig.read(temp, lines::add).templates()).containsOnly(entry("default", "one"));
        SafetensorsWriter.text(temp.resolve("tokenizer_config.json"), "{\"chat_template\": \"one\"}");
        TokenizerConfig.read(temp, lines::add);
        assertThat(lines).isEmpty();
        SafetensorsWriter.text(temp.resolve("tokenizer_config.json"), "{\"chat_template\": \"two\"}");
        assertThat(TokenizerConfig.read(temp, lines::add).templates()).containsOnly(entry("default", "one"));
        assertThat(lines).singleElement(STRING).contains("chat_template.jinja: is used", "tokenizer_config.json");
    }

    @Test
    void specialTokensThatAreToBeTakenApartAreRefused() throws IOException {
        assumeNativeLibrary();
        SafetensorsWriter.text(temp.resolve("tokenizer_config.json"), "{\"split_special_tokens\": true}");
        try (Tokenizer tokenizer = Tokenizer.lazily(file())) {
            assertThat(tokenizer.encodePlain("and experts")).containsExactly(3, 4);
            assertComplains(() -> tokenizer.encodePlain("and <s>"),
                    "tokenizer_config.json: split_special_tokens is true",
                    "a text with <s>");
        }
    }

    /** As in transformers, which reads special_tokens_map.json only for want of added_tokens_decoder. */
    @Test
    void specialTokensOfTheMapCountWhereTheConfigurationListsNone() {
        Path config = temp.resolve("tokenizer_config.json");
        SafetensorsWriter.text(temp.resolve("special_tokens_map.json"),
                "{\"bos_token\": \"<m>\", \"eos_token\": {\"content\": \"<n>\", \"lstrip\": false}}");
        assertThat(TokenizerConfig.read(temp, _ -> {}).tokens()).containsOnly(entry("bos_token", "<m>"),
                entry("eos_token", "<n>"));
        SafetensorsWriter.text(config, "{\"bos_token\": \"<b>\", \"unk_token\": \"<u>\"}");
        assertThat(TokenizerConfig.read(temp, _ -> {}).tokens()).containsOnly(
                entry("bos_token", "<m>"), entry("eos_token", "<n>"), entry("unk_token", "<u>"));
        SafetensorsWriter.text(config, "{\"bos_token\": \"<b>\", \"added_tokens_decoder\": {}}");
        assertThat(TokenizerConfig.read(temp, _ -> {}).tokens()).containsOnly(entry("bos_token", "<b>"));
    }

    @Test
    void stopStringsAreFoundAcrossTokens() throws IOException {
        assumeNativeLibrary();
        try (Tokenizer tokenizer = Tokenizer.lazily(file())) {
            // The text is "attention and experts apart".
            List<Integer> tokens = List.of(2, 3, 4, 5);
            assertThat(new StopStrings(tokenizer, List.of("and exp")).tokens(tokens)).isEqualTo(3);
            assertThat(new StopStrings(tokenizer, List.of("and exp")).tokens(List.of(2, 3))).isEqualTo(-1);
            assertThat(new StopStrings(tokenizer, List.of("nowhere", "part", "ion a")).tokens(tokens)).isEqualTo(2);
            assertThat(new StopStrings(tokenizer, List.of("")).tokens(tokens)).isEqualTo(-1);
            assertThat(new StopStrings(tokenizer, List.of("experts", "and")).cut("attention and experts"))
                    .isEqualTo("attention ");
            // A special token shows in no text.
            assertThat(new StopStrings(tokenizer, List.of("<s>")).tokens(List.of(2, 3, 1, 4))).isEqualTo(3);
        }
    }

    /** The file is made by .ci/text.js. */
    @Test
    void realTokenizersEncodeAsInNode() throws IOException {
        String file = System.getProperty("ma.tokenizers", "");
        assumeTrue(!file.isEmpty(), "no -Dma.tokenizers=FILE");
        assumeNativeLibrary();
        int checked = 0;
        for (JsonNode entry : new ObjectMapper().readTree(Path.of(file).toFile())) {
            try (Tokenizer tokenizer =
                    Tokenizer.lazily(Path.of(entry.get("folder").textValue(), "tokenizer.json"))) {
                for (JsonNode text : entry.get("texts")) {
                    int[] ids = new ObjectMapper().convertValue(text.get("ids"), int[].class);
                    assertThat(tokenizer.encode(text.get("text").textValue())).as("%s %s", entry.get("name"), text)
                            .containsExactly(ids);
                    checked++;
                }
            }
        }
        assertThat(checked).isGreaterThanOrEqualTo(80);
    }
}
