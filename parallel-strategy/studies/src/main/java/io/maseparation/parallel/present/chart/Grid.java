package io.maseparation.parallel.present.chart;

/** Where a map's cells, and points between their centres, lie on the sheet. */
record Grid(
        Scale xScale, Scale yScale, double[] xs, double[] ys, double left, double right, double top, double bottom) {

    double cellWidth() {
        return (right - left) / xs.length;
    }

    double cellHeight() {
        return (bottom - top) / ys.length;
    }

    /** Left edge of a column. */
    double left(int column) {
        return left + column * cellWidth();
    }

    /** Upper edge of a row; rows count from the bottom. */
    double top(int row) {
        return bottom - (row + 1) * cellHeight();
    }

    double x(double value) {
        return left + (index(xScale, xs, value) + 0.5) * cellWidth();
    }

    double y(double value) {
        return bottom - (index(yScale, ys, value) + 0.5) * cellHeight();
    }

    /** Where a value lies among the cells' values, by the scale; beyond the ends as between the last two. */
    private static double index(Scale scale, double[] values, double value) {
        double at = scale.forward(value);
        if (values.length == 1) {
            // A single cell does not say how far the next would be; values mostly double.
            double step = scale.logarithmic() ? Math.log(2) : Math.max(1, Math.abs(values[0]));
            return (at - scale.forward(values[0])) / step;
        }
        int i = 0;
        while (i < values.length - 2 && value > values[i + 1]) {
            i++;
        }
        double low = scale.forward(values[i]);
        return i + (at - low) / (scale.forward(values[i + 1]) - low);
    }
}
