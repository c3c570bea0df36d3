package io.maseparation.kernels.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Operation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class OperationTest {
    private static final Path SOURCES = Path.of("src/main/java/io/maseparation/kernels/operations");
    private static final Pattern CHOICE = Pattern.compile("\\.target\\(\\)\\.choose\\(\\)");

    /** The list stands beside the operations, so it is held to what they say themselves. */
    @Test
    void everyOperationThatChoosesABodyIsListed() throws IOException {
        Set<String> found = new TreeSet<>();
        try (Stream<Path> files = Files.list(SOURCES)) {
            for (Path file : files.toList()) {
                if (CHOICE.matcher(Files.readString(file)).find()) {
                    found.add(file.getFileName().toString().replace(".java", "").toLowerCase(Locale.ROOT));
                }
            }
        }
        // Caches are made before a forward pass.
        assertThat(found.remove("randomcache")).isTrue();
        assertThat(Arrays.stream(Operation.values()).map(o -> o.id().replace("-", "")).toList())
                .containsExactlyInAnyOrderElementsOf(found);
    }
}
