/**
 * Times rank programs on a cluster, event by event, and the bounds that no run can beat. Choosing among plans belongs
 * to {@code search}.
 */
package io.maseparation.parallel.simulate;
