/**
 * Mathematical functions that kernels call, computed as TornadoVM's devices compute them. Functions that no kernel of
 * this project uses are left out.
 */
package uk.ac.manchester.tornado.api.math;
