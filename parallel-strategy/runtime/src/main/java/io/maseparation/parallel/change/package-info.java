/**
 * A change of layout in the middle of a run: what changes and who decides it. Carrying it out belongs to
 * {@code execute}.
 */
package io.maseparation.parallel.change;
