package io.maseparation.parallel.present.chart;

/**
 * A picture as SVG text. It stands on its own (in a file, or inside an HTML page), needs no script and no other
 * resource, follows the reader's light or dark scheme, and says what its marks stand for when pointed at.
 */
public interface Chart {

    /** The chart's title. */
    String title();

    /** The picture: one {@code <svg>} element, ended by a line feed. */
    String svg();
}
