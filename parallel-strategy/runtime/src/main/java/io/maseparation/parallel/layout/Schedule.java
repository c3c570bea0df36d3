package io.maseparation.parallel.layout;

import io.maseparation.files.Identified;

/** What a rank does while a micro-batch waits for other ranks. */
public enum Schedule implements Identified {
    /** Works on another micro-batch whose data has arrived: pools and stages work at once. */
    ASYNC,
    /** Waits: a micro-batch finishes its step before the next one starts, so that pools and stages take turns. */
    BARRIER;
}
