package io.maseparation.bench.peers;

import java.lang.foreign.MemorySegment;

/**
 * A peer's way to compute what a benchmark computes.
 *
 * @param run computes it once, on all cores
 * @param result what was computed, fp32, in this project's layout
 */
record Contender(Runnable run, MemorySegment result) {}
