/**
 * Devices of plain JVM threads behind TornadoVM's API, and how strict they are ({@link EmbeddedDevice}). The packages
 * {@code uk.ac.manchester.tornado.api} of this module hold names and signatures of TornadoVM 5.2 only, and never stand
 * on a class path beside the real ones.
 */
package io.maseparation.tornado.embedded;
