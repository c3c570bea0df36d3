package io.maseparation.tornado.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.BFloat16;

/** What compiles here compiles against TornadoVM: nothing public exists here that does not exist there. */
class ApiSignaturesTest {
    @Test
    void everyPublicMemberIsOneOfTheRealApi() throws Exception {
        assertSubset(listed());
    }

    @Test
    void theListIsNotEmptyAndOfTheMirroredClasses() throws Exception {
        assertThat(listed()).hasSizeGreaterThan(200).anyMatch(s -> s.contains("TaskGraph task("));
    }

    /**
     * Runs where TORNADOVM_HOME names an SDK: {@code TORNADOVM_HOME=… ./mvnw -P embedded -pl tornado-embedded test}.
     */
    @Test
    void theSdkStillHasThem() throws Exception {
        Set<String> real = ApiSignatures.ofJar(sdkJar());
        assertSubset(real);
        assertThat(real).as("the committed list is that of the SDK").containsAll(listed());
    }

    /** Likewise. What is computed on the host must not depend on whose API computes it. */
    @Test
    void bfloat16RoundsAsTheSdkDoes() throws Exception {
        try (URLClassLoader loader = ApiSignatures.loader(sdkJar())) {
            Method real = loader.loadClass(BFloat16.class.getName()).getMethod("bf16FromFloat", float.class);
            Random random = new Random(1);
            for (int i = 0; i < 200_000; i++) {
                // Every second value is halfway between two.
                int bits = i % 2 == 0 ? random.nextInt() : (random.nextInt() & 0xffff0000) | 0x8000;
                float value = Float.intBitsToFloat(bits);
                assertThat(BFloat16.bf16FromFloat(value)).as("%x", bits).isEqualTo(real.invoke(null, value));
            }
            assertThat(BFloat16.bf16FromFloat(-0f)).isEqualTo(real.invoke(null, -0f));
        }
    }

    private static Path sdkJar() throws IOException {
        String home = System.getenv("TORNADOVM_HOME");
        assumeTrue(home != null && !home.isBlank(), "TORNADOVM_HOME is not set");
        try (Stream<Path> files = Files.list(Path.of(home, "share", "java", "tornado"))) {
            return files.filter(f -> f.getFileName().toString().startsWith("tornado-api"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static void assertSubset(Set<String> real) throws Exception {
        List<String> names = ApiSignatures.classesIn(ApiSignatures.ownClasses());
        Set<String> own = ApiSignatures.of(ApiSignaturesTest.class.getClassLoader(), names);
        own.removeAll(real);
        assertThat(own).as("public here, but not in TornadoVM").isEmpty();
    }

    private static Set<String> listed() throws Exception {
        try (var in = ApiSignaturesTest.class.getResourceAsStream("/tornado-api-5.2.0.signatures")) {
            return new TreeSet<>(new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList());
        }
    }
}
