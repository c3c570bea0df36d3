/**
 * One JMH class per operation, which reports bytes and floating-point operations per second beside its time. Code that
 * is of use outside benchmarks does not belong here.
 */
package io.maseparation.bench;
