/**
 * A JMH class per operation, with bytes and floating-point operations a second beside its time. Code that anything but
 * a benchmark needs does not belong here.
 */
package io.maseparation.bench;
