/**
 * Bodies written against {@code KernelContext}: work-groups, local memory, warp sums and tensor cores. How a body
 * becomes a task of a graph does not belong here.
 */
package io.maseparation.kernels.gpu;
