package io.maseparation.parallel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The examples of the README and docs/embedding.md compile against this version and run. */
class EmbeddingExampleTest {
    private static final Pattern EXAMPLE =
            Pattern.compile("<!-- example: (?:embedding|engine) -->\\s*```java\\R(.*?)```", Pattern.DOTALL);
    private static final Pattern CLASS = Pattern.compile("\\bclass (\\w+)");

    @TempDir
    Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"README.md", "docs/embedding.md"})
    void theExampleRuns(String page) throws Exception {
        Optional<Path> readme = readme();
        Assumptions.assumeTrue(readme.isPresent(), "no README here");
        Matcher example = EXAMPLE.matcher(Files.readString(readme.get().resolveSibling(page)));
        assertThat(example.find()).as("a marked example").isTrue();
        assertThat(example.group(1).lines().count()).as("lines").isLessThanOrEqualTo(30);
        Matcher name = CLASS.matcher(example.group(1));
        String className = name.find() ? name.group(1) : "Example";
        Path source = temp.resolve(className + ".java");
        Files.writeString(source, example.group(1));

        String classPath = System.getProperty("java.class.path");
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        int compiled = compiler.run(
                null, null, null, "-Xlint:all", "-Werror", "-proc:none", "-cp", classPath, "-d", temp.toString(),
                source.toString());
        assertThat(compiled).as("compiler's status").isZero();

        assertThat(output(className, classPath)).matches("(?s).*\\[\\d+(, \\d+)*].*");
    }

    private String output(String className, String classPath) throws IOException, InterruptedException {
        Path out = temp.resolve("out");
        Process process = new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "--add-modules",
                "jdk.incubator.vector",
                "-cp",
                temp + java.io.File.pathSeparator + classPath,
                className)
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start();
        assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("ends").isTrue();
        String text = Files.readString(out, UTF_8);
        assertThat(process.exitValue()).as(text).isZero();
        return text;
    }

    private static Optional<Path> readme() {
        String root = System.getProperty("maven.multiModuleProjectDirectory");
        return Stream.of(root == null ? Path.of("..", "..") : Path.of(root), Path.of("..", ".."), Path.of("."))
                .map(folder -> folder.resolve("README.md"))
                .filter(Files::isRegularFile)
                .findFirst();
    }
}
