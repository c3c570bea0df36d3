/**
 * Task graphs, execution plans, worker grids and the kernel context under TornadoVM's names, and the classes behind
 * them that run a kernel's work-groups on JVM threads. What TornadoVM's API does not have is package-private here or
 * lives in {@code io.maseparation.tornado.embedded}; kernels and models do not belong here.
 */
package uk.ac.manchester.tornado.api;
