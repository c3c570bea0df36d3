/**
 * The same work run again and again: on one layout for its speed, on several to compare their tokens and times. How a
 * single run goes, and how results are printed, does not belong here.
 */
package io.maseparation.parallel.compare;
