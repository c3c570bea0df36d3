package io.maseparation.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaConstructor;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Shapes of code that nobody can read at a call: long lists of positional arguments, and nested lists or arrays whose
 * levels have no name. Kernels are exempt: TornadoVM passes them every array and number one by one.
 */
@AnalyzeClasses(packages = "io.maseparation", importOptions = {ImportOption.DoNotIncludeTests.class,
    ArchitectureTest.NoFixtures.class})
final class SignaturesTest {
    private static final int MOST_COMPONENTS = 8;
    private static final int MOST_PARAMETERS = 7;
    private static final int MOST_LINES = 450;
    private static final Path ROOT = Path.of("..", "..");

    private static boolean exempt(JavaClass type) {
        return type.getPackageName().startsWith("io.maseparation.kernels");
    }

    private static boolean written(JavaCodeUnit code) {
        return !code.getModifiers().contains(JavaModifier.SYNTHETIC);
    }

    private static Set<String> violations(JavaClasses all, Check check) {
        Set<String> found = new TreeSet<>();
        all.stream().filter(type -> !exempt(type)).forEach(type -> check.of(type, found));
        return found;
    }

    private interface Check {
        void of(JavaClass type, Set<String> found);
    }

    @ArchTest
    static void recordsHaveFewComponents(JavaClasses all) {
        assertThat(violations(all, (type, found) -> {
            if (type.isRecord() && type.reflect().getRecordComponents().length > MOST_COMPONENTS) {
                found.add(type.getName());
            }
        })).isEmpty();
    }

    @ArchTest
    static void methodsHaveFewParameters(JavaClasses all) {
        assertThat(violations(all, (type, found) -> type.getCodeUnits().stream()
                .filter(SignaturesTest::written)
                .filter(code -> !(type.isRecord() && code instanceof JavaConstructor))
                .filter(code -> code.getRawParameterTypes().size() > MOST_PARAMETERS)
                .forEach(code -> found.add(code.getFullName()))))
                .isEmpty();
    }

    @ArchTest
    static void levelsOfListsAndArraysHaveNames(JavaClasses all) {
        assertThat(violations(all, (type, found) -> type.getCodeUnits().stream()
                .filter(SignaturesTest::written)
                .filter(code -> Stream.concat(code.getParameterTypes().stream(), Stream.of(code.getReturnType()))
                        .map(JavaType::getName)
                        .anyMatch(SignaturesTest::isNested))
                .forEach(code -> found.add(code.getFullName()))))
                .isEmpty();
    }

    private static boolean isNested(String type) {
        return type.contains("[][][]") || type.startsWith("[[[")
                || type.replaceAll("java\\.util\\.(List|Set|Collection)<", "List<").contains("List<List<List<");
    }

    /** Guards the rule above: names of types are read off ArchUnit, whose spelling may change. */
    @ArchTest
    static void nestingIsSeen(JavaClasses all) {
        assertThat(List.of("java.util.List<java.util.List<java.util.List<java.lang.Integer>>>", "int[][][]",
                "java.util.Optional<java.util.List<java.util.Set<java.util.List<java.lang.Integer>>>>"))
                .allMatch(SignaturesTest::isNested);
        assertThat(List.of("java.util.List<java.util.List<java.lang.Integer>>", "int[][]")).noneMatch(
                SignaturesTest::isNested);
        assertThat(all).isNotEmpty();
    }

    @ArchTest
    static void filesAreReadInOneSitting(JavaClasses all) throws IOException {
        Set<String> found = new TreeSet<>();
        try (Stream<Path> files = Files.walk(ROOT)) {
            for (Path file : files.filter(SignaturesTest::isMainSource).toList()) {
                long lines = Files.readString(file).lines().count();
                if (lines > MOST_LINES) {
                    found.add(file + ": " + lines);
                }
            }
        }
        assertThat(found).isEmpty();
    }

    private static boolean isMainSource(Path file) {
        String path = file.toString().replace('\\', '/');
        return path.endsWith(".java") && path.contains("/src/main/java/")
                && !path.contains("/io/maseparation/kernels/");
    }
}
