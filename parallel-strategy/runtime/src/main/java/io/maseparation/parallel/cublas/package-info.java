/**
 * NVIDIA's cuBLAS beside the kernels here, as a yardstick: measured, never used by a run. Its library is loaded when
 * somebody asks for the comparison. The only package that knows it.
 */
package io.maseparation.parallel.cublas;
