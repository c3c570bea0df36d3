/**
 * How ranks exchange messages. What is sent, and when, is the rank programs' business.
 */
package io.maseparation.parallel.comm;
