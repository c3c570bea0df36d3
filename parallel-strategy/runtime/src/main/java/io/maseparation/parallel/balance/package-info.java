/**
 * Where experts and their replicas live, and how rows are shared out among replicas, for given loads. Nothing here
 * measures loads or moves weights.
 */
package io.maseparation.parallel.balance;
