/**
 * Charts as SVG. Nothing here knows what is drawn or computes what is shown.
 */
package io.maseparation.parallel.present.chart;
