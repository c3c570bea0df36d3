/**
 * Numbers of 16 bits that kernels take as values, and their conversions. Arrays of them belong to {@code
 * uk.ac.manchester.tornado.api.types.arrays}.
 */
package uk.ac.manchester.tornado.api.types;
