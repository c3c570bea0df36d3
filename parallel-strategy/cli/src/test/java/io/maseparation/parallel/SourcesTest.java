package io.maseparation.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the sources of all modules have in common and no compiler checks. */
class SourcesTest {
    private static final Path ROOT = Path.of("../..").toAbsolutePath().normalize();
    private static final int COLUMNS = 120;
    private static final Pattern COMMENT = Pattern.compile("^\\s*(//|/\\*|\\*)");
    /** A flag inside a string literal. */
    private static final Pattern FLAG = Pattern.compile("\"[^\"]*--[a-z][^\"]*\"");
    /** Options of the JVM, which no command of this program has. */
    private static final Pattern JVM_OPTION = Pattern.compile("--(add-modules|enable-native-access)\\b");
    /** A quoted word in a message that the command line might take for a parameter's name, or the other way round. */
    private static final Pattern AMBIGUOUS = Pattern.compile("'%s'(?! is | must be )|'[a-z_]+' is ");

    private static List<Path> sources(String folder) {
        try (Stream<Path> files = Files.walk(ROOT)) {
            List<Path> sources = files
                    .filter(f -> f.toString().endsWith(".java") && f.toString().contains(folder))
                    .filter(f -> !ROOT.relativize(f).toString().contains("target/"))
                    .toList();
            assertThat(sources).as(folder).hasSizeGreaterThan(50);
            return sources;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> lines(List<Path> sources, Pattern... patterns) throws IOException {
        List<String> found = new ArrayList<>();
        for (Path source : sources) {
            int number = 0;
            for (String line : Files.readAllLines(source)) {
                number++;
                if (Stream.of(patterns).allMatch(p -> p.matcher(line).find())) {
                    found.add("%s:%d: %s".formatted(ROOT.relativize(source), number, line.strip()));
                }
            }
        }
        return found;
    }

    @Test
    void linesOfCommentsFitTheirColumns() throws IOException {
        Pattern tooLong = Pattern.compile(".{" + (COLUMNS + 1) + "}");
        List<String> found = lines(sources("/src/main/java/"), COMMENT, tooLong);
        found.addAll(lines(sources("/src/test/java/"), COMMENT, tooLong));
        assertThat(found).isEmpty();
    }

    @Test
    void everyPackageSaysWhatBelongsThere() {
        assertThat(sources("/src/main/java/").stream().map(Path::getParent).distinct())
                .allSatisfy(folder -> assertThat(folder.resolve("package-info.java")).exists());
    }

    private static List<Path> library() {
        return sources("/src/main/java/").stream()
                .filter(f -> !f.toString().contains("/parallel/cli/"))
                .toList();
    }

    @Test
    void whatTheLibrarySaysNamesNoFlags() throws IOException {
        List<Path> library = new ArrayList<>(library());
        // The report shows the command that makes it again.
        library.removeIf(f -> f.endsWith("Reproduction.java"));
        List<String> found = lines(library, FLAG);
        found.removeIf(line -> JVM_OPTION.matcher(line).find());
        assertThat(found).isEmpty();
    }

    @Test
    void whatTheLibraryQuotesIsAParameterOrSaidToBeSomething() throws IOException {
        // A chart's complaint is for its author; no command line sees it.
        List<Path> library = new ArrayList<>(library());
        library.removeIf(f -> f.toString().contains("/present/chart/"));
        assertThat(lines(library, AMBIGUOUS)).isEmpty();
    }
}
