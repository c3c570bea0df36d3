package io.maseparation.tornado.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

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

    /** Runs where TORNADOVM_HOME names an SDK: {@code TORNADOVM_HOME=… ./mvnw -P embedded -pl tornado-embedded test}. */
    @Test
    void theSdkStillHasThem() throws Exception {
        String home = System.getenv("TORNADOVM_HOME");
        assumeTrue(home != null && !home.isBlank(), "TORNADOVM_HOME is not set");
        Path jars = Path.of(home, "share", "java", "tornado");
        try (Stream<Path> files = Files.list(jars)) {
            Path jar = files.filter(f -> f.getFileName().toString().startsWith("tornado-api"))
                    .findFirst()
                    .orElseThrow();
            Set<String> real = ApiSignatures.ofJar(jar);
            assertSubset(real);
            assertThat(real).as("the committed list is that of the SDK").containsAll(listed());
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
