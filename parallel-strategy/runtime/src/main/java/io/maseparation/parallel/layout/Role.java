package io.maseparation.parallel.layout;

import io.maseparation.files.Identified;

/** What a rank computes. */
public enum Role implements Identified {
    /** Attention, routers, embedding and logits of its own sequences. */
    ATTENTION,
    /** Experts, for rows of any sequence. */
    EXPERT,
    /** Both. */
    BOTH;
}
