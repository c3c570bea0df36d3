/**
 * Constants of TornadoVM's API: kinds of devices and backends, transfer modes, profiler modes and shapes of matrix
 * fragments. Only those that code of this project names; behaviour that depends on them lives with the classes that
 * take them.
 */
package uk.ac.manchester.tornado.api.enums;
