/**
 * Peak rates of this machine's processors and memory. Devices are measured by {@code calibrate}.
 */
package io.maseparation.parallel.measure;
