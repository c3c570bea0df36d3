/**
 * What kernels of every kind share: data types, weight matrices and expert banks, shapes and their checks, and the cost
 * of an operation in bytes and floating-point operations. Nothing here computes or knows a task graph.
 */
package io.maseparation.kernels;
