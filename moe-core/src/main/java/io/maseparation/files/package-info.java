/**
 * Reading and writing of files that people and other programs hand over: strict JSON, whole files that appear at once
 * or not at all, printable text, and the one exception that names file and field. What the content means belongs to the
 * packages that use it.
 */
package io.maseparation.files;
