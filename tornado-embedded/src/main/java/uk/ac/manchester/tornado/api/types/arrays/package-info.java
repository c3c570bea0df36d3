/**
 * Arrays outside the heap with TornadoVM's layout: a header, then the elements, in one memory segment. Number formats
 * that devices cannot read do not belong here, and no operation on an array beyond access to its elements.
 */
package uk.ac.manchester.tornado.api.types.arrays;
