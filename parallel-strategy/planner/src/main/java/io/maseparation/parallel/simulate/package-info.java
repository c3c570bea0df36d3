/**
 * Times rank programs on a cluster, event by event, and says beside each time what bytes and operations at peak
 * would take. Choosing among plans, and the cheaper bounds that spare simulations, belong to {@code search}.
 */
package io.maseparation.parallel.simulate;
