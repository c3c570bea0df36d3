package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import io.maseparation.moe.testing.SafetensorsWriter;
import io.maseparation.moe.testing.TestCheckpoint;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

    private static void assumeNativeLibrary() {
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
}
