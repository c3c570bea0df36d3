package io.maseparation.parallel.search;

import io.maseparation.files.Identified;

/** What a search optimizes. */
public enum Objective implements Identified {
    /** Output tokens per second; for a given batch the same as {@link #TPOT}. */
    TPS,
    /** Time between a sequence's output tokens. */
    TPOT,
    /** Price of an output token. */
    COST;

    /**
     * The value that is compared; less is better. It grows with the time, so a lower bound of the time gives a lower
     * bound of the score.
     *
     * @param tpotMs time between a sequence's tokens
     * @param batch sequences
     * @param pricePerHour price of all devices in use
     */
    double score(double tpotMs, int batch, double pricePerHour) {
        return switch (this) {
            case TPOT -> tpotMs;
            case TPS -> tpotMs / batch;
            case COST -> tpotMs / batch * pricePerHour;
        };
    }

    /**
     * What separation gains, as a share of what there is without it: tokens per second that there are more, or time or
     * money that is less; negative if it loses.
     *
     * @param separated the best separated layout's score
     * @param colocated the best other layout's score
     */
    double gain(double separated, double colocated) {
        return this == TPS ? colocated / separated - 1 : 1 - separated / colocated;
    }
}
