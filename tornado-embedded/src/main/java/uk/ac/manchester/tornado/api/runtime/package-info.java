/**
 * The entry point through which applications reach devices and backends. It hands out what {@code
 * io.maseparation.tornado.embedded} implements and holds no state of its own.
 */
package uk.ac.manchester.tornado.api.runtime;
