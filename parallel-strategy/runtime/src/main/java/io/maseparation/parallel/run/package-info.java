/**
 * What goes into a run and what comes out of it: workload, options, result, metrics. Nothing here starts one.
 */
package io.maseparation.parallel.run;
