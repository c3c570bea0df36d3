package io.maseparation.parallel.present.chart;

/**
 * What all charts have.
 *
 * @param <C> the chart itself
 */
abstract sealed class TitledChart<C extends TitledChart<C>> implements Chart
        permits BarChart, GanttChart, LineChart, MapChart {
    private final String title;
    private String note = "";

    TitledChart(String title) {
        this.title = title;
    }

    /** What the reader should know, under the title: where the numbers come from, such as "simulated, a100x16". */
    @SuppressWarnings("unchecked") // Every subclass passes itself as C.
    public C note(String text) {
        note = text;
        return (C) this;
    }

    @Override
    public String title() {
        return title;
    }

    /** An empty sheet with title and note. */
    Sheet sheet() {
        return sheet(Sheet.WIDTH);
    }

    /** An empty sheet of some width with title and note. */
    Sheet sheet(double width) {
        return new Sheet(title, note, width);
    }
}
