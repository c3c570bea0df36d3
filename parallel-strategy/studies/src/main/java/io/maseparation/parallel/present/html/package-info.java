/**
 * A page of sections, tables and charts in one file. It needs no server, script or other file.
 */
package io.maseparation.parallel.present.html;
