/**
 * Results for people to read: tables in several formats and numbers with their units. What the numbers are is decided
 * by the callers.
 */
package io.maseparation.parallel.present;
