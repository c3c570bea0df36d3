/**
 * The one way to do independent work on several threads. What the work is, and how many threads it gets, is decided by
 * the callers.
 */
package io.maseparation.parallel.threads;
