package io.maseparation.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Utf8StreamTest {
    /** Passes, or not, exactly where the JDK's decoder does, however the bytes are cut into pieces. */
    private static void check(byte... bytes) {
        boolean right;
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            right = !new String(bytes, StandardCharsets.UTF_8).contains("\0");
        } catch (CharacterCodingException _) {
            right = false;
        }
        for (int piece : new int[] {1, 2, 3, 100}) {
            boolean passed;
            try (Utf8Stream stream = new Utf8Stream(new ByteArrayInputStream(bytes))) {
                int at = 0;
                byte[] read = new byte[bytes.length + piece];
                for (int n = 0; n >= 0; n = stream.read(read, at, piece)) {
                    at += n;
                }
                assertThat(Arrays.copyOf(read, at)).isEqualTo(bytes);
                passed = true;
            } catch (IOException _) {
                passed = false;
            }
            assertThat(passed).as("%s in pieces of %d", Arrays.toString(bytes), piece).isEqualTo(right);
        }
    }

    @Test
    void isAsStrictAsTheDecoder() {
        for (int first = 0; first < 256; first++) {
            check((byte) first);
            for (int second = 0; second < 256; second++) {
                check((byte) first, (byte) second);
                if (first >= 0xC0) {
                    check((byte) first, (byte) second, (byte) 0x80, (byte) 'a');
                    check((byte) first, (byte) second, (byte) 0xBF, (byte) 0xBF);
                    check((byte) first, (byte) second, (byte) 0x9F, (byte) 0xC0);
                }
            }
        }
        Random random = new Random(5);
        for (int i = 0; i < 5000; i++) {
            byte[] bytes = random.ints(6, 1, 0x11_0000).filter(c -> c < 0xD800 || c > 0xDFFF)
                    .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                    .toString().getBytes(StandardCharsets.UTF_8);
            check(bytes);
            if (bytes.length > 0) {
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            }
            check(bytes);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "UTF-32LE", "UTF-32BE", "ISO-8859-1"})
    void jsonInAnotherEncodingIsRefusedInALine(String charset, @TempDir Path temp) throws IOException {
        Path file = Files.write(temp.resolve("some.json"),
                "{\"a\": \"é\", \"b\": [1, 2]}".getBytes(Charset.forName(charset)));
        assertThatThrownBy(() -> JsonFile.open(file)).isInstanceOf(ModelException.class)
                .hasMessageStartingWith(file + ": cannot be read: it is not text in UTF-8")
                .hasMessageEndingWith(charset.matches("UTF-(32|16[LB]E).*")
                        ? "it has the character 0, as UTF-16 and binary"
                                + " files have"
                        : "UTF-8");
    }
}
