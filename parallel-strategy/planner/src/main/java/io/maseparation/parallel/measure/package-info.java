/**
 * What this machine's processors and memory reach at most. Devices are measured by {@code calibrate}.
 */
package io.maseparation.parallel.measure;
