/**
 * Messages between GPUs that leave their memory for no host: NVIDIA's NCCL, whose library is loaded when somebody asks
 * for it, and never otherwise. The only package that knows it.
 */
package io.maseparation.parallel.comm.nccl;
