package io.maseparation.parallel.engine;

/** Why a request ended. */
public enum Finish {
    /** It has as many tokens as it asked for. */
    LENGTH,
    /** An end-of-sequence token, or a stop string. */
    STOP,
    /** It was cancelled, or the thread that waited for it was interrupted. */
    CANCELLED,
    /** Its time was up. */
    TIMEOUT
}
