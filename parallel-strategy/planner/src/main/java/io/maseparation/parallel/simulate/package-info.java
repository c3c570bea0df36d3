/**
 * Times rank programs on a cluster, event by event, and says beside each time what bytes and operations at peak
 * would take, and what segments take by themselves. Choosing among plans belongs to {@code search}.
 */
package io.maseparation.parallel.simulate;
