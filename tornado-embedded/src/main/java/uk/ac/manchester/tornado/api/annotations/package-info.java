/**
 * Annotations that mark loops and reductions of kernels, with TornadoVM's names and targets. They have no effect on
 * JVM threads; nothing that acts on them belongs here.
 */
package uk.ac.manchester.tornado.api.annotations;
