/**
 * Types that several of TornadoVM's packages share: devices and the functional interfaces of tasks with any number of
 * parameters. Implementations belong to {@code io.maseparation.tornado.embedded}.
 */
package uk.ac.manchester.tornado.api.common;
