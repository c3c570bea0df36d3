package io.maseparation.parallel.studies.paper;

import java.util.List;

/** A part of the evaluation. */
abstract class Study {
    final Context context;
    private final String name;

    Study(String name, Context context) {
        this.name = name;
        this.context = context;
    }

    /** What is being done, for the progress bar. */
    final String name() {
        return name;
    }

    /** Number of items that it hands to the sweep. */
    abstract int items();

    /** Runs it. */
    abstract List<Section> run();
}
