/**
 * Bodies as {@code @Parallel} loops, which every TornadoVM device runs, and the inner loops that gpu bodies share with
 * them. Nothing here needs local memory, barriers or warps.
 */
package io.maseparation.kernels.portable;
