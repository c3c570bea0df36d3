package io.maseparation.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class OperationTest {
    private static final Path SOURCES = Path.of("src/main/java/io/maseparation/kernels");
    private static final Pattern CHOICE = Pattern.compile("\\.target\\(\\)\\.choose\\(EnumSet\\.(allOf|of)\\(");

    /** The list stands beside the operations, so it is held to what they say themselves. */
    @Test
    void everyOperationIsListedWithItsBodies() throws IOException {
        Map<String, Set<Body>> found = new TreeMap<>();
        try (Stream<Path> files = Files.list(SOURCES)) {
            for (Path file : files.toList()) {
                Matcher choice = CHOICE.matcher(Files.readString(file));
                if (choice.find()) {
                    found.put(
                            file.getFileName().toString().replace(".java", "").toLowerCase(java.util.Locale.ROOT),
                            choice.group(1).equals("allOf")
                                    ? EnumSet.allOf(Body.class)
                                    : EnumSet.of(Body.PORTABLE, Body.HOST));
                }
            }
        }
        Map<String, Set<Body>> listed = new TreeMap<>();
        for (Operation operation : Operation.values()) {
            listed.put(operation.id().replace("-", ""), operation.bodies());
        }
        assertThat(listed).isEqualTo(found);
    }
}
