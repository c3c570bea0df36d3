/**
 * How ranks exchange messages. What is sent, and when, is decided by the ranks' programs.
 */
package io.maseparation.parallel.comm;
