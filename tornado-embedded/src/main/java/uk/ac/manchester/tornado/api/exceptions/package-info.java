/**
 * Exceptions that TornadoVM's API throws, with its names and constructors. They are thrown where TornadoVM throws
 * them; complaints of this project's own have exceptions of their own elsewhere.
 */
package uk.ac.manchester.tornado.api.exceptions;
