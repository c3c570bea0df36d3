/**
 * Continuous batching: which rows go into which step, where a sequence's keys and values live, and what a request and
 * its answer are. How ranks compute a step is in {@code execute.rank}; the entry point for applications is
 * {@code Engine}, one package up.
 */
package io.maseparation.parallel.engine;
