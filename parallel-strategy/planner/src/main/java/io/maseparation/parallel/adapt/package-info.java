/**
 * Policies that decide during a run whether experts, sequences or devices should move. Changes themselves are defined
 * in {@code change} and carried out elsewhere.
 */
package io.maseparation.parallel.adapt;
