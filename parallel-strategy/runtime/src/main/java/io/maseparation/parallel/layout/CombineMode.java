package io.maseparation.parallel.layout;

import io.maseparation.files.Identified;

/** What comes back from the ranks of a row's experts. */
public enum CombineMode implements Identified {
    /**
     * The output of each expert, so that a row's sum is taken in the order of its experts wherever they are: every
     * layout has the bits of a single device.
     */
    EXPERTS,
    /**
     * The weighted sum over a rank's experts: one row instead of one for each expert. Sums are rounded as the placement
     * of the experts has it, as they are where tensor parallelism splits a sum.
     */
    SUMS;

    /** Name of the choice in files and messages. */
    public static final String NAME = "combine";

    /** What a layout's name ends with. */
    String suffix() {
        return this == SUMS ? ", sums combined" : "";
    }
}
