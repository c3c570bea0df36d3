/**
 * Ranks at work: their threads, programs step by step, messages, sampling and logs, and what they share while they run
 * (devices and memory, the sequences of a run, the schedule of its steps). How a run is set up, changed and ended
 * belongs to {@code execute}.
 */
package io.maseparation.parallel.execute.rank;
