package io.maseparation.parallel.studies.paper;

import java.util.Arrays;
import java.util.List;

/** A batch and a context. */
record Place(int batch, int context) {

    /** Every batch at the first context, then at the next. */
    static List<Place> all(int[] batches, int[] contexts) {
        return Arrays.stream(contexts).boxed()
                .flatMap(context -> Arrays.stream(batches).mapToObj(batch -> new Place(batch, context)))
                .toList();
    }
}
