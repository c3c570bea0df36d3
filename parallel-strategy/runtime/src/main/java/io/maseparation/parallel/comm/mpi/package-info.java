/**
 * Ranks as the processes of an Open MPI job. The only package that knows MPI; its library is loaded when somebody asks
 * for it, and never otherwise. What processes tell each other is decided in {@code execute.rank}.
 */
package io.maseparation.parallel.comm.mpi;
