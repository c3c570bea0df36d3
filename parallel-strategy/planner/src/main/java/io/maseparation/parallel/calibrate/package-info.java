/**
 * Measures a device and fits a cost profile to it, and holds simulations against measured runs. Profiles as data belong
 * to {@code cluster}.
 */
package io.maseparation.parallel.calibrate;
