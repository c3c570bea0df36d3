/**
 * Runs a plan on devices from the first prompt token to the result, changes of layout included. What a single rank does
 * in a step is in {@code execute.rank}.
 */
package io.maseparation.parallel.execute;
