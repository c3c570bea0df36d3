/**
 * Balancing policies compared over long simulated traces. The policies themselves are in {@code adapt} and
 * {@code balance}.
 */
package io.maseparation.parallel.studies.policies;
