package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.chart.Chart;
import io.maseparation.parallel.present.html.HtmlPage;
import java.util.List;

/**
 * A part of the report.
 *
 * @param heading heading
 * @param paragraphs what is shown
 * @param findings what follows from it, one sentence each
 * @param figures charts and tables, in order
 * @param file name of the file with the numbers behind the figures
 * @param data those numbers
 */
record Section(
        String heading,
        List<String> paragraphs,
        List<String> findings,
        List<Figure> figures,
        String file,
        Table data) {

    /** A chart or a table with its caption. */
    @FunctionalInterface
    interface Figure {
        /** Shows it on a page, with a link to the file that holds its numbers. */
        void addTo(HtmlPage page, String file);

        static Figure of(Chart chart, String caption) {
            return (page, file) -> page.chart(chart, caption, file);
        }

        static Figure of(Table table, String caption) {
            return (page, file) -> page.table(table, caption, file);
        }
    }

    Section {
        paragraphs = List.copyOf(paragraphs);
        findings = List.copyOf(findings);
        figures = List.copyOf(figures);
    }
}
