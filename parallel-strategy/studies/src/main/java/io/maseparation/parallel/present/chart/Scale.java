package io.maseparation.parallel.present.chart;

/** How values lie along an axis. */
public enum Scale {
    /** Evenly. */
    LINEAR,
    /** By their logarithm, with ticks at 1, 2 and 5 times powers of ten. Values must be positive. */
    LOG,
    /** By their logarithm, with ticks at powers of two. Values must be positive. */
    LOG2;

    /** Whether values lie by their logarithm. */
    public boolean logarithmic() {
        return this != LINEAR;
    }

    /** The number by which values are interpolated. */
    double forward(double value) {
        return logarithmic() ? Math.log(value) : value;
    }
}
