package io.maseparation.parallel.studies.paper;

import java.util.List;

/** A part of the evaluation. */
interface Study {
    /** What is being done, for the progress bar. */
    String name();

    /** How many items it hands to the sweep. */
    int items();

    /** Does it. */
    List<Section> run();
}
