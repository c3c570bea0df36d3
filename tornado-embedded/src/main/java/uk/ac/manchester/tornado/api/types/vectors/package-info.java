/** Small vectors that kernels load at once. */
package uk.ac.manchester.tornado.api.types.vectors;
