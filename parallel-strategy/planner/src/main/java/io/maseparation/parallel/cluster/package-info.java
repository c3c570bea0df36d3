/**
 * Clusters as data: devices, links, collectives and cost profiles, by name or from a file. What a plan takes on one is
 * computed by {@code simulate}.
 */
package io.maseparation.parallel.cluster;
