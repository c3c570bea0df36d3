package io.maseparation.parallel.run;

import java.util.List;
import java.util.Objects;

/** Lists without holes. */
final class Needed {
    private Needed() {}

    /**
     * A copy of a list.
     *
     * @param name the parameter that it is
     * @throws NullPointerException naming the parameter, or its element, that is null
     */
    static <T> List<T> all(List<T> list, String name) {
        Objects.requireNonNull(list, name);
        for (int i = 0; i < list.size(); i++) {
            Objects.requireNonNull(list.get(i), name + "[" + i + "]");
        }
        return List.copyOf(list);
    }
}
