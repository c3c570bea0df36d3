/**
 * Measures a device and fits a cost profile to it, and compares simulations with measured runs. Profiles as data belong
 * to {@code cluster}.
 */
package io.maseparation.parallel.calibrate;
