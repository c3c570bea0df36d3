package io.maseparation.tornado.embedded;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Signatures of public classes and members, one a line. Run {@link #main} with the path of a tornado-api jar to print
 * those of the real API, restricted to the classes that are mirrored here.
 */
final class ApiSignatures {
    private static final String PACKAGE = "uk/ac/manchester/tornado/api";

    private ApiSignatures() {}

    /** Names of the public classes of the API in a folder of compiled classes. */
    static List<String> classesIn(Path classes) throws IOException {
        try (Stream<Path> files = Files.walk(classes.resolve(PACKAGE))) {
            return files.filter(f -> f.toString().endsWith(".class"))
                    .map(f -> classes.relativize(f)
                            .toString()
                            .replaceAll("\\.class$", "")
                            .replace('/', '.'))
                    .sorted()
                    .toList();
        }
    }

    /** The folder that holds this module's compiled classes. */
    static Path ownClasses() throws Exception {
        return Path.of(
                EmbeddedDevices.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    static Set<String> of(ClassLoader loader, List<String> names) throws ClassNotFoundException {
        Set<String> signatures = new TreeSet<>();
        for (String name : names) {
            Class<?> type;
            try {
                type = Class.forName(name, false, loader);
            } catch (ClassNotFoundException e) {
                continue;
            }
            if (Modifier.isPublic(type.getModifiers())) {
                add(signatures, type);
            }
        }
        return signatures;
    }

    private static void add(Set<String> signatures, Class<?> type) {
        String name = type.getName();
        signatures.add(name + " " + (type.isInterface() ? "interface" : type.isEnum() ? "enum" : "class"));
        for (Field field : type.getDeclaredFields()) {
            if (visible(field.getModifiers()) && !field.isSynthetic()) {
                signatures.add(name + " " + kind(field.getModifiers()) + field.getType().getName() + " "
                        + field.getName());
            }
        }
        for (Constructor<?> constructor : type.getDeclaredConstructors()) {
            if (Modifier.isPublic(constructor.getModifiers())) {
                signatures.add(name + " new(" + parameters(constructor.getParameterTypes()) + ")");
            }
        }
        for (Method method : type.getDeclaredMethods()) {
            if (visible(method.getModifiers()) && !method.isSynthetic()) {
                signatures.add(name + " " + kind(method.getModifiers())
                        + method.getReturnType().getName() + " " + method.getName() + "("
                        + parameters(method.getParameterTypes()) + ")");
            }
        }
    }

    private static boolean visible(int modifiers) {
        return Modifier.isPublic(modifiers);
    }

    private static String kind(int modifiers) {
        return Modifier.isStatic(modifiers) ? "static " : "";
    }

    private static String parameters(Class<?>[] types) {
        return Arrays.stream(types).map(Class::getName).collect(Collectors.joining(","));
    }

    /** Signatures of the classes mirrored here, as a tornado-api jar has them. */
    static Set<String> ofJar(Path jar) throws Exception {
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {jar.toUri().toURL()}, ClassLoader.getPlatformClassLoader())) {
            return of(loader, classesIn(ownClasses()));
        }
    }

    public static void main(String[] args) throws Exception {
        ofJar(Path.of(args[0])).forEach(System.out::println);
    }
}
