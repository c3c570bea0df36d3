package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.chart.Chart;
import java.util.List;

/**
 * A part of the report.
 *
 * @param heading heading
 * @param paragraphs what is shown
 * @param findings what follows from it, a sentence each
 * @param figures charts and tables, in order
 * @param data numbers behind the charts
 */
record Section(
        String heading, List<String> paragraphs, List<String> findings, List<Figure> figures, List<Data> data) {

    /** A chart, or a table shown as such. */
    sealed interface Figure {
        /** What it shows. */
        String caption();

        /** Name of the file with its numbers. */
        String file();
    }

    /** A chart. */
    record Picture(Chart chart, String caption, String file) implements Figure {}

    /** A table on the page. */
    record Shown(Table table, String caption, String file) implements Figure {}

    /** Numbers under the name of their file. */
    record Data(String file, Table table) {}

    Section {
        paragraphs = List.copyOf(paragraphs);
        findings = List.copyOf(findings);
        figures = List.copyOf(figures);
        data = List.copyOf(data);
    }
}
