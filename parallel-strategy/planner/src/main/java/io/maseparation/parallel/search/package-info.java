/**
 * Finds the best plan for a model, cluster and goal, and says whether separation pays. How long a plan takes is asked
 * of {@code simulate}.
 */
package io.maseparation.parallel.search;
