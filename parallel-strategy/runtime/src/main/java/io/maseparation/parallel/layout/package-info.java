/**
 * Layouts and the plans made of them: which rank holds which weights, heads, experts and sequences, and the program of
 * each rank. Programs are data and are checked here; running and timing them belongs elsewhere.
 */
package io.maseparation.parallel.layout;
