/**
 * What ran when on each rank, simulated or measured, and the trace file made of it. Nothing here measures or draws.
 */
package io.maseparation.parallel.timeline;
