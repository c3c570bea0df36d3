package io.maseparation.parallel.search;

import java.util.Locale;

/** What a search makes as good as it can. */
public enum Objective {
    /** Output tokens a second; for a given batch the same as {@link #TPOT}. */
    TPS,
    /** Time between a sequence's output tokens. */
    TPOT,
    /** Price of an output token. */
    COST;

    /** Name on the command line and in results. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * What is compared: less is better. It grows with the time, so that a lower bound of the time gives one of this.
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
}
