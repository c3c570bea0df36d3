package io.maseparation.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Messages about input are one line of bounded length, whatever the input is. */
class WordingTest {
    @TempDir
    Path temp;

    @Test
    void whatIsLongKeepsItsBeginningAndItsEnd() {
        Path path = Path.of("/models/" + "x".repeat(200) + "/" + "y".repeat(200) + "/config.json");
        assertThat(Text.printable(path)).startsWith("/models/xxx").endsWith("yyy/config.json").contains(" … ")
                .hasSizeLessThanOrEqualTo(200);
        assertThat(Text.printable("z".repeat(200))).isEqualTo("z".repeat(200));
        String message = new ModelException("what " + "a".repeat(10_000_000) + " and what to do").getMessage();
        assertThat(message).startsWith("what aaa").endsWith("aaa and what to do").hasSizeLessThanOrEqualTo(480);
    }

    @Test
    void noCharacterIsCutInTwo() {
        for (int length = 196; length < 210; length++) {
            String text = "b".repeat(length % 2) + "\ud83d\ude00".repeat(length);
            assertThat(Text.shortened(text, 200).codePoints()).noneMatch(
                    c -> Character.getType(c) == Character.SURROGATE);
            assertThat(Text.shortened(text, 200)).hasSizeLessThanOrEqualTo(200);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\n", "\r", "\u0000", "\u001b", "\u0085", "\u2028", "\u202e", "\u2066", "\u2069"})
    void whatIsNotToBeSeenIsReplaced(String control) {
        assertThat(Text.line("a" + control + "b")).isEqualTo("a?b");
        assertThat(Text.line("e\u0301 שלום \ud83d\udc69\u200d\ud83d\udcbb"))
                .isEqualTo("e\u0301 שלום \ud83d\udc69\u200d\ud83d\udcbb");
    }

    /** In single quotes they would be parameters, which the command line writes as options. */
    @Test
    void fieldsOfFilesAreInDoubleQuotes() throws Exception {
        Path file = Files.writeString(temp.resolve("a.json"), "{\"seed\": 1, \"seed\": 2}");
        assertThatThrownBy(() -> JsonFile.open(file)).isInstanceOf(ModelException.class)
                .hasMessageContaining("Duplicate field \"seed\"").hasMessageNotContaining("'");
    }

    /** Nor are names of classes: whoever has the file has not written the program. */
    @ParameterizedTest
    @ValueSource(strings = {"{} {}", "{} x", "// why\n{}", "/* why */ {}", "# why\n{}", "{\"a\": NaN}",
        "{\"a\": -Infinity}",
        "{\"a\": 1,}", "{'a': 1}", "{a: 1}", "{\"a\": 01}", "{\"a\": .5}", "{\"a\": +1}", "{\"a\": \"\t\"}",
        "{\"a\": \"\\x\"}",
        "{\"a\": [1,,2]}", "{\"a\": 0x10}", "{\"a\": TRUE}", "{\"a\"", "{\"a\": \"", "]", "{\"a\": 1.}"})
    void howAParserIsSetIsNoAdvice(String json) throws Exception {
        Path file = Files.writeString(temp.resolve("a.json"), json);
        assertThatThrownBy(() -> JsonFile.open(file)).isInstanceOf(ModelException.class)
                .hasMessageStartingWith(file + ": not valid JSON: ").hasMessageNotContainingAny("`", "Feature",
                        "FEATURE", "fasterxml", "ALLOW_", "FAIL_ON", "'");
    }
}
