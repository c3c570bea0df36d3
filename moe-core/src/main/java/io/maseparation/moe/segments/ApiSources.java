package io.maseparation.moe.segments;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Where the classes of TornadoVM's API are. tornado-embedded has classes of the same names as TornadoVM itself: with
 * both in reach the one that happens to be found first is used, class by class.
 */
final class ApiSources {
    private static final String API = "uk/ac/manchester/tornado/api/TornadoExecutionPlan.class";
    private static final String EMBEDDED = "io/maseparation/tornado/embedded/EmbeddedRuntime.class";

    /** Of this process; looked for once. */
    private static final Optional<String> COMPLAINT = complaint(
            Objects.requireNonNullElseGet(ApiSources.class.getClassLoader(), ClassLoader::getSystemClassLoader));

    private ApiSources() {}

    /**
     * Complains of two.
     *
     * @throws ModelException if tornado-embedded and TornadoVM are both there
     */
    static void requireOne() {
        COMPLAINT.ifPresent(complaint -> {
            throw new ModelException(complaint);
        });
    }

    /** What is wrong with what a class loader finds. */
    static Optional<String> complaint(ClassLoader loader) {
        List<String> embedded = places(loader, EMBEDDED);
        return places(loader, API).stream()
                .filter(place -> !embedded.contains(place) && !embedded.isEmpty())
                .findFirst()
                .map(other -> Text
                        .message(("tornado-embedded (%s) and TornadoVM's own API (%s) are both on the class path: "
                                + "leave out tornado-embedded to use TornadoVM's devices, or TornadoVM to do without")
                                .formatted(Text.printable(embedded.getFirst()), Text.printable(other))));
    }

    /** The jars or folders that have a file, as a URL writes them. */
    private static List<String> places(ClassLoader loader, String file) {
        try {
            return Collections.list(loader.getResources(file)).stream()
                    .map(Object::toString)
                    .map(url -> url.substring(0, url.length() - file.length()))
                    .map(place -> place.replaceFirst("^jar:", "").replaceFirst("^file:", "").replaceFirst("!?/$", ""))
                    .distinct()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
