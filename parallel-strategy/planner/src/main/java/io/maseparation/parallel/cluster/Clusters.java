package io.maseparation.parallel.cluster;

import io.maseparation.files.JsonFile;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Clusters known by name, and those in files. */
public final class Clusters {
    /** Families of equal nodes, of any size. */
    private static final List<String> FAMILIES = List.of("a100", "h100", "h200");

    private static final List<String> NAMES = List.of("a100x16", "a100x8", "h100x8", "h200x2", "h200x8", "h20-l40s");
    private static final Pattern SIZED = Pattern.compile("(\\w+)x(\\d{1,5})");

    private Clusters() {}

    /** {@return names to choose from; the a100, h100 and h200 families exist in every size, such as a100x1024} */
    public static List<String> names() {
        return NAMES;
    }

    /** {@return the names in words, with the pattern of those that there are in every size} */
    public static String described() {
        return String.join(", ", NAMES)
                + FAMILIES.stream().collect(Collectors.joining("xN, ", " (and ", "xN of N devices)"));
    }

    /**
     * Finds a cluster.
     *
     * @param nameOrFile a name, or a JSON file
     * @return the cluster
     * @throws ModelException if there is no such cluster, or the file makes no sense
     */
    public static Cluster named(String nameOrFile) {
        Matcher sized = SIZED.matcher(nameOrFile);
        if (sized.matches() && FAMILIES.contains(sized.group(1))) {
            int size = Integer.parseInt(sized.group(2));
            if (size < 1 || size > ClusterFile.MOST_DEVICES) {
                throw new ModelException("cluster %s: the number of devices must be from 1 to %d"
                        .formatted(nameOrFile, ClusterFile.MOST_DEVICES));
            }
            return ClusterFile.cluster(resource(sized.group(1)), size);
        }
        if (NAMES.contains(nameOrFile)) {
            return ClusterFile.cluster(resource(nameOrFile), 0);
        }
        if (new File(nameOrFile).isFile()) {
            return ClusterFile.read(Path.of(nameOrFile));
        }
        throw new ModelException("cluster '%s' is neither a name nor a file; there are %s"
                .formatted(Text.printable(nameOrFile), described()));
    }

    private static JsonFile resource(String name) {
        try (InputStream in = Clusters.class.getResourceAsStream(name + ".json")) {
            return JsonFile.openSourced(name, in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
