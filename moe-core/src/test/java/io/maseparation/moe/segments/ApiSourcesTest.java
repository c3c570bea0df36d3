package io.maseparation.moe.segments;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApiSourcesTest {
    private static final String API = "uk/ac/manchester/tornado/api/TornadoExecutionPlan.class";
    private static final String EMBEDDED = "io/maseparation/tornado/embedded/EmbeddedRuntime.class";

    @TempDir
    Path temp;

    private Path jar(String name, String... files) throws IOException {
        Path jar = temp.resolve(name);
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            for (String file : files) {
                out.putNextEntry(new JarEntry(file));
            }
        }
        return jar;
    }

    private static URLClassLoader loader(Path... jars) throws IOException {
        URL[] urls = new URL[jars.length];
        for (int i = 0; i < jars.length; i++) {
            urls[i] = jars[i].toUri().toURL();
        }
        return new URLClassLoader(urls, ClassLoader.getPlatformClassLoader());
    }

    @Test
    void bothRuntimesAreNamedWhicheverComesFirst() throws Exception {
        Path own = jar("tornado-embedded-1.jar", API, EMBEDDED);
        Path other = jar("tornado-api-5.2.0.jar", API);
        try (URLClassLoader first = loader(own, other); URLClassLoader second = loader(other, own)) {
            assertThat(ApiSources.complaint(first)).isEqualTo(ApiSources.complaint(second)).get().asString()
                    .contains("tornado-embedded (" + own + ")", "API (" + other + ")")
                    .doesNotContain("\n");
        }
    }

    @Test
    void oneRuntimeIsFineTwiceToo() throws Exception {
        Path own = jar("own.jar", API, EMBEDDED);
        Path again = jar("again.jar", API, EMBEDDED);
        Path other = jar("other.jar", API);
        Path otherAgain = jar("other-again.jar", API);
        try (URLClassLoader none = loader();
                URLClassLoader embedded = loader(own, again);
                URLClassLoader real = loader(other, otherAgain)) {
            assertThat(ApiSources.complaint(none)).isEmpty();
            assertThat(ApiSources.complaint(embedded)).isEmpty();
            assertThat(ApiSources.complaint(real)).isEmpty();
        }
        ApiSources.requireOne();
    }
}
