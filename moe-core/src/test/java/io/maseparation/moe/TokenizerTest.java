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
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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

    /** Text of others comes as it does, however long a text is that one thread has. */
    @Test
    void aLongTextOfOneThreadHoldsUpNoOther() throws Exception {
        assumeNativeLibrary();
        try (Tokenizer tokenizer = Tokenizer.lazily(file())) {
            tokenizer.load();
            String text = "attention and experts apart ".repeat(12_000);
            CompletableFuture<Long> encoding = new CompletableFuture<>();
            Thread.ofPlatform().start(() -> {
                long start = System.nanoTime();
                tokenizer.encode(text);
                encoding.complete(System.nanoTime() - start);
            });
            long longest = 0;
            while (!encoding.isDone()) {
                long start = System.nanoTime();
                assertThat(tokenizer.decode(new int[] {1, 4, 3, 2})).isEqualTo("experts and attention");
                longest = Math.max(longest, System.nanoTime() - start);
            }
            assertThat(longest).as("ns for a short one").isLessThan(encoding.get() / 2);
        }
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
        List<String> lines = new ArrayList<>();
        try (Tokenizer tokenizer = Tokenizer.lazily(file(), lines::add)) {
            assertThat(tokenizer.encode("attention"))
                    .containsExactly(Arrays.stream(ids.split(" ")).mapToInt(Integer::parseInt).toArray());
            assertThat(tokenizer.encodePlain("attention")).containsExactly(2);
            assertThat(tokenizer.encode("")).containsExactly(Arrays.stream(ids.split(" "))
                    .mapToInt(Integer::parseInt)
                    .filter(id -> id != 2)
                    .toArray());
        }
        // tokenizer.json itself puts a 1 before it, which transformers 5 follows.
        lines.removeIf(line -> line.contains(" as a token"));
        if (ids.equals("1 2")) {
            assertThat(lines).isEmpty();
        } else {
            String before = Arrays.toString(ids.substring(0, ids.indexOf('2')).strip().split(" "));
            assertThat(lines).singleElement(STRING).contains("tokenizer_config.json: add_bos_token and add_eos_token",
                    "put %s before a text".formatted(before), "tokenizer.json", "has [1] and []");
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
            if (added.startsWith("\"0")) {
                assertThat(lines).as(added).isEmpty();
            } else {
                assertThat(lines).as(added).singleElement(STRING)
                        .contains("tokenizer_config.json: added_tokens_decoder has "
                                + (added.startsWith("\"6") ? "<x> as a token and 1 more" : "and as a token"));
            }
        }
    }

    /** Wherever they are named: transformers adds special tokens of every field. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "tokenizer_config.json   | {'eos_token': '<x>'}                              | : eos_token",
        "tokenizer_config.json   | {'pad_token': {'content': '<x>'}}                 | : pad_token",
        "tokenizer_config.json   | {'additional_special_tokens': ['<s>', '<x>']}     | : additional_special_tokens",
        "tokenizer_config.json   | {'extra_special_tokens': [{'content': '<x>'}]}    | : extra_special_tokens",
        "tokenizer_config.json   | {'extra_special_tokens': {'image_token': '<x>'}}  | : extra_special_tokens",
        "special_tokens_map.json | {'eos_token': '<x>', 'bos_token': '<s>'}          | : eos_token",
        "added_tokens.json       | {'<s>': 1, '<x>': 300}                            |"})
    void specialTokensOfEveryFieldThatTheFileDoesNotHaveAreSaid(String name, String json, String field)
            throws IOException {
        assumeNativeLibrary();
        Path file = file();
        // A word of the vocabulary is not looked for within others, and shows in texts.
        for (String token : List.of("<x>", "apart", "<s>")) {
            SafetensorsWriter.text(temp.resolve(name),
                    json.replace('\'', '"')
                            .replace("300", token.equals("apart") ? "5" : token.equals("<s>") ? "1" : "300")
                            .replace(token.equals("<s>") ? "\"<s>\": 1, " : "-", "").replace("<x>", token));
            List<String> lines = new ArrayList<>();
            try (Tokenizer tokenizer = Tokenizer.lazily(file, lines::add)) {
                tokenizer.encode("and");
            }
            if (token.equals("<s>")) {
                assertThat(lines).as(token).isEmpty();
            } else {
                assertThat(lines).singleElement(STRING).contains("%s%s has %s as a token, which tokenizer.json"
                        .formatted(name, field == null ? "" : field, token));
            }
        }
    }

    @Test
    void idsThatTheFileContradictsAreThoseOfTheFileAndSaid() throws IOException {
        assumeNativeLibrary();
        TestCheckpoint.of("mixtral", "{\"eos_token_id\": 7}", 1).write(temp);
        SafetensorsWriter.text(temp.resolve("tokenizer_config.json"),
                "{\"eos_token\": \"<s>\", \"added_tokens_decoder\": {\"209\": {\"content\": \"<s>\"}}}");
        List<String> lines = new ArrayList<>();
        try (Tokenizer tokenizer = Tokenizer.lazily(file(), lines::add)) {
            assertThat(tokenizer.encode("and")).containsExactly(1, 3);
        }
        assertThat(lines).singleElement(STRING)
                .contains("tokenizer.json: <s> has id 1, and not 209 as tokenizer_config.json says");
        lines.clear();
        assertThat(HfConfig.open(temp, lines::add).read().vocabulary().eosTokens()).containsExactly(7, 1);
        assertThat(lines).singleElement(STRING)
                .contains("tokenizer.json: eos_token <s> has id 1, and not 209 as tokenizer_config.json says");
    }

    @Test
    void anEndOfTextThatIsNoTokenIsSaid() throws IOException {
        TestCheckpoint.of("mixtral", "{\"eos_token_id\": 7}", 1).write(temp);
        String usual = Files.readString(file());
        Path config = temp.resolve("tokenizer_config.json");
        List<String> lines = new ArrayList<>();
        SafetensorsWriter.text(config, "{\"eos_token\": \"<|im_end|>\"}");
        assertThat(HfConfig.open(temp, lines::add).read().vocabulary().eosTokens()).containsExactly(7);
        assertThat(lines).singleElement(STRING).contains(
                "tokenizer.json: is without the eos_token <|im_end|> of tokenizer_config.json: no sequence ends with it");
        lines.clear();
        Files.delete(temp.resolve("tokenizer.json"));
        assertThat(HfConfig.open(temp, lines::add).read().vocabulary().eosTokens()).containsExactly(7);
        assertThat(lines).singleElement(STRING).contains("tokenizer.json: is not there to say the id of the eos_token",
                "<|im_end|> of tokenizer_config.json: no sequence ends with it");
        lines.clear();
        file();
        SafetensorsWriter.text(config, "{\"eos_token\": \"apart\"}");
        assertThat(HfConfig.open(temp, lines::add).read().vocabulary().eosTokens()).containsExactly(7, 5);
        // A vocabulary of pieces, each with its score.
        SafetensorsWriter.text(temp.resolve("tokenizer.json"),
                usual.replaceFirst("(?s)\"vocab\": \\{.*?}",
                        "\"vocab\": [[\"a\", 0], [\"b\", -1.5], [\"apart\", -2]]"));
        assertThat(HfConfig.open(temp, lines::add).read().vocabulary().eosTokens()).containsExactly(7, 2);
        SafetensorsWriter.text(temp.resolve("added_tokens.json"), "{\"<|im_end|>\": 9}");
        SafetensorsWriter.text(config, "{\"eos_token\": \"<|im_end|>\"}");
        assertThat(HfConfig.open(temp, lines::add).read().vocabulary().eosTokens()).containsExactly(7, 9);
        assertThat(lines).isEmpty();
    }

    @Test
    void anEndOfSequenceOutsideTheVocabularyIsBlamedOnItsFile() throws IOException {
        TestCheckpoint.of("olmoe", "{\"eos_token_id\": 3}", 1).write(temp);
        List<String> lines = new ArrayList<>();
        SafetensorsWriter.text(temp.resolve("tokenizer_config.json"),
                "{\"eos_token\": \"<e>\", \"added_tokens_decoder\": {\"99\": {\"content\": \"<e>\"}}}");
        HfConfig.open(temp, lines::add).read();
        assertThat(lines).singleElement(STRING)
                .contains("/tokenizer_config.json: the end-of-sequence token 99 is outside");
        lines.clear();
        SafetensorsWriter.text(temp.resolve("generation_config.json"), "{\"eos_token_id\": [2, 999]}");
        HfConfig.open(temp, lines::add).read();
        assertThat(lines).singleElement(STRING)
                .contains("/generation_config.json: the end-of-sequence token 999 is outside");
    }

    /** Only where a template is used, and not for a newline at the end, which Jinja leaves out. */
    @Test
    void aTemplateThatContradictsTheOtherFilesIsUsedAndSaid() throws IOException {
        List<String> lines = new ArrayList<>();
        Path own = temp.resolve("chat_template.jinja");
        Path config = temp.resolve("tokenizer_config.json");
        SafetensorsWriter.text(own, "one");
        for (String other : List.of("{}", "{\"chat_template\": \"one\"}", "{\"chat_template\": \"one\\n\"}")) {
            SafetensorsWriter.text(config, other);
            assertThat(TokenizerConfig.read(temp).template(lines::add)).isPresent();
            assertThat(lines).as(other).isEmpty();
        }
        for (String other : List.of("two", "one ", "one\\n\\n")) {
            lines.clear();
            SafetensorsWriter.text(config, "{\"chat_template\": \"%s\"}".formatted(other));
            try (Tokenizer tokenizer = Tokenizer.lazily(file(), lines::add)) {
                assertThat(lines).as("without a conversation").isEmpty();
                assertThat(tokenizer.chatTemplate()).isPresent();
            }
            assertThat(TokenizerConfig.read(temp).templates()).containsOnly(entry("default", "one"));
            assertThat(lines).singleElement(STRING).contains("chat_template.jinja: is used", "tokenizer_config.json");
        }
    }

    /** The flag is about special tokens in a text: neither the tokenizer's own around it nor other added ones. */
    @Test
    void whatIsNoSpecialTokenOfTheTextIsNotToBeTakenApart() throws IOException {
        assumeNativeLibrary();
        SafetensorsWriter.text(temp.resolve("tokenizer_config.json"),
                "{\"split_special_tokens\": true, \"add_bos_token\": true, \"bos_token\": \"<s>\"}");
        String usual = Files.readString(file());
        int end = usual.indexOf(']', usual.indexOf("added_tokens"));
        SafetensorsWriter.text(temp.resolve("tokenizer.json"),
                usual.substring(0, end)
                        + """
                                , {"id": 6, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                                   "special": false}"""
                        + usual.substring(end));
        try (Tokenizer tokenizer = Tokenizer.lazily(temp.resolve("tokenizer.json"))) {
            assertThat(tokenizer.encode("and <x> experts")).containsExactly(1, 3, 6, 4);
            assertThat(tokenizer.encode("")).containsExactly(1);
            assertComplains(() -> tokenizer.encode("and <s>"), "split_special_tokens is true", "a text with <s>");
        }
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
        assertThat(TokenizerConfig.read(temp).tokens()).containsOnly(entry("bos_token", "<m>"),
                entry("eos_token", "<n>"));
        SafetensorsWriter.text(config, "{\"bos_token\": \"<b>\", \"unk_token\": \"<u>\"}");
        assertThat(TokenizerConfig.read(temp).tokens()).containsOnly(
                entry("bos_token", "<m>"), entry("eos_token", "<n>"), entry("unk_token", "<u>"));
        SafetensorsWriter.text(config, "{\"bos_token\": \"<b>\", \"added_tokens_decoder\": {}}");
        assertThat(TokenizerConfig.read(temp).tokens()).containsOnly(entry("bos_token", "<b>"));
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

    @ParameterizedTest
    @ValueSource(strings = {"<s> and", "and<s>", "<s><unk>", "and\n<s>"})
    void aStopStringWithASpecialTokenAndSomethingElseIsRefused(String string) throws IOException {
        assumeNativeLibrary();
        try (Tokenizer tokenizer = Tokenizer.lazily(file())) {
            assertComplains(() -> new StopStrings(tokenizer, List.of("and", string)), "stop string ",
                    "has the special token <", "which no text shows: give that alone");
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
