package io.maseparation.parallel.layout;

import java.util.Locale;

/** What a rank computes. */
public enum Role {
    /** Attention, routers, embedding and logits of its own sequences. */
    ATTENTION,
    /** Experts, for rows of any sequence. */
    EXPERT,
    /** Both. */
    BOTH;

    /** Name in results. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
