/**
 * Going from one layout to another between two steps: when, on which thread, and what becomes of a change that fails.
 * What there is to move is for those to say whose sequences they are: a run's, or an engine's.
 */
package io.maseparation.parallel.execute.migrate;
