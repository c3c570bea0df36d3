package io.maseparation.tornado.embedded;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
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
 * Signatures of the classes and members that other code can use, one per line: erased types, checked exceptions, values
 * of constants. Run {@link #main} with the path of a tornado-api jar to print those of the real API, restricted to the
 * classes that are mirrored here; its output is {@code tornado-api-5.2.0.signatures}:
 *
 * <pre>./mvnw -q -pl tornado-embedded test-compile
 * java -cp tornado-embedded/target/classes:tornado-embedded/target/test-classes \
 *   io.maseparation.tornado.embedded.ApiSignatures tornado-api.jar</pre>
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

    static Set<String> of(ClassLoader loader, List<String> names) throws ReflectiveOperationException {
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

    private static void add(Set<String> signatures, Class<?> type) throws ReflectiveOperationException {
        String name = type.getName();
        signatures.add(
                name + " " + (type.isInterface() ? "interface" : "class extends " + type.getSuperclass().getName()));
        for (Field field : type.getDeclaredFields()) {
            if (visible(field) && !field.isSynthetic()) {
                signatures.add(
                        name + " " + kind(field) + field.getType().getName() + " " + field.getName() + value(field));
            }
        }
        for (Constructor<?> constructor : type.getDeclaredConstructors()) {
            if (visible(constructor)) {
                signatures.add(name + " " + kind(constructor) + "new" + parameters(constructor));
            }
        }
        for (Method method : type.getDeclaredMethods()) {
            if (visible(method) && !method.isSynthetic()) {
                signatures.add(name + " " + kind(method) + method.getReturnType().getName() + " " + method.getName()
                        + parameters(method));
            }
        }
    }

    private static boolean visible(Member member) {
        return (member.getModifiers() & (Modifier.PUBLIC | Modifier.PROTECTED)) != 0;
    }

    private static String kind(Member member) {
        return (Modifier.isProtected(member.getModifiers()) ? "protected " : "")
                + (Modifier.isStatic(member.getModifiers()) ? "static " : "");
    }

    /** Value of a constant: it is compiled into what uses it. */
    private static String value(Field field) throws ReflectiveOperationException {
        int constant = Modifier.STATIC | Modifier.FINAL;
        return field.getType().isPrimitive() && (field.getModifiers() & constant) == constant
                ? " = " + field.get(null)
                : "";
    }

    private static String parameters(Executable executable) {
        String thrown = names(executable.getExceptionTypes());
        return "(" + names(executable.getParameterTypes()) + ")" + (thrown.isEmpty() ? "" : " throws " + thrown);
    }

    private static String names(Class<?>[] types) {
        return Arrays.stream(types).map(Class::getName).collect(Collectors.joining(","));
    }

    /** Signatures of the classes mirrored here, as a tornado-api jar has them. */
    static Set<String> ofJar(Path jar) throws Exception {
        try (URLClassLoader loader = loader(jar)) {
            return of(loader, classesIn(ownClasses()));
        }
    }

    /** Loads the classes of a jar, and none of this module's in their place. */
    static URLClassLoader loader(Path jar) throws IOException {
        return new URLClassLoader(new URL[] {jar.toUri().toURL()}, ClassLoader.getPlatformClassLoader());
    }

    public static void main(String[] args) throws Exception {
        ofJar(Path.of(args[0])).forEach(System.out::println);
    }
}
