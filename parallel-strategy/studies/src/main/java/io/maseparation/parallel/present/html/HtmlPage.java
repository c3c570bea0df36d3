package io.maseparation.parallel.present.html;

import io.maseparation.parallel.present.Markup;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.chart.BarChart;
import io.maseparation.parallel.present.chart.Chart;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * One HTML document that needs nothing else: no script, no style sheet, no picture beside it. All text given to it is
 * escaped; charts are SVG and stay as they are.
 *
 * <pre>{@code
 * String html = new HtmlPage("Report").section("TPOT").paragraph("Simulated.")
 *         .chart(chart, "TPOT over batch", "tpot.csv")
 *         .html();
 * }</pre>
 */
public final class HtmlPage {
    private static final String STYLE = """
            :root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--line:#d0d7de;--band:#f6f8fa;\
            --link:#0b5cad}
            @media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a3acb7;--paper:#15181c;--line:#3a4048;\
            --band:#1d2126;--link:#7db7f0}}
            *{box-sizing:border-box}
            body{margin:0;background:var(--paper);color:var(--ink);\
            font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",Arial,sans-serif}
            main{max-width:1132px;margin:0 auto;padding:24px 16px 64px}
            h1{font-size:1.9em;line-height:1.2;margin:.2em 0 .6em}
            h2{font-size:1.4em;line-height:1.25;margin:2em 0 .5em;padding-top:.5em;border-top:1px solid var(--line)}
            h3{font-size:1.1em;margin:1.6em 0 .4em}
            h1,h2,h3,p,li,figcaption,td,th{overflow-wrap:break-word}
            p,li{max-width:78ch}
            a{color:var(--link)}
            nav ol{columns:2 22em;padding-left:1.6em;margin:.4em 0}
            figure{margin:1.2em 0 2em}
            figcaption,.soft{color:var(--soft);font-size:.93em;max-width:88ch;margin-top:.5em}
            .scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px}
            .scroll .chart{margin:0 auto}
            table{border-collapse:collapse;width:100%;font-size:.92em;font-variant-numeric:tabular-nums}
            th,td{padding:.38em .7em;text-align:right;vertical-align:top;border-bottom:1px solid var(--line)}
            th{background:var(--band);font-weight:600;vertical-align:bottom}
            tr:last-child td{border-bottom:0}
            .left{text-align:left}
            td:not(.left){white-space:nowrap}
            td.left{min-width:9em}
            .answer{border-left:4px solid var(--link);padding:.1em 0 .1em 1em;margin:0 0 1.2em}
            .hint{display:none;margin:0 0 .3em}
            .hint.wide{display:block}
            @media (max-width:820px){.hint{display:block}th,td{padding:.38em .45em}td.left{min-width:7.5em}\
            td.left:last-child{min-width:18em}}
            pre{overflow-x:auto;background:var(--band);padding:.8em;border-radius:6px;font-size:.88em}
            """;

    private final String title;
    /** More columns are wider than the page on any screen. */
    private static final int MOST_COLUMNS = 11;

    private static final String SCROLLED = scrolled("");

    private final StringBuilder answer = new StringBuilder();
    private final StringBuilder body = new StringBuilder();
    private final List<String> sections = new ArrayList<>();

    private static String scrolled(String kind) {
        return "<figure><p class=\"soft hint%s\">Wider than this page: scroll it sideways.</p>".formatted(kind)
                + "<div class=\"scroll\" tabindex=\"0\">";
    }

    /** @param title title of the document, its first heading */
    public HtmlPage(String title) {
        this.title = title;
    }

    /** Says first, before contents and sections, what the page comes to. */
    public HtmlPage answer(List<String> sentences) {
        answer.append("<div class=\"answer\">\n");
        sentences.forEach(s -> answer.append("<p>").append(Markup.escape(s)).append("</p>\n"));
        answer.append("</div>\n");
        return this;
    }

    /** Starts a section; sections are listed at the top. */
    public HtmlPage section(String heading) {
        sections.add(heading);
        body.append("<h2 id=\"s%d\">%s</h2>\n".formatted(sections.size(), Markup.escape(heading)));
        return this;
    }

    /** A paragraph. */
    public HtmlPage paragraph(String text) {
        return element("p", text);
    }

    /** A list. */
    public HtmlPage list(List<String> items) {
        body.append("<ul>\n");
        items.forEach(item -> element("li", item));
        body.append("</ul>\n");
        return this;
    }

    /** Text whose line breaks stay, such as a command and what it prints. */
    public HtmlPage preformatted(String text) {
        return element("pre", text);
    }

    /**
     * A table; a wide one is scrolled by itself.
     *
     * @param table the table
     * @param caption what it shows; empty for nothing
     * @param data names of files beside the page that hold the numbers
     */
    public HtmlPage table(Table table, String caption, String... data) {
        body.append(scrolled(table.columns().size() > MOST_COLUMNS ? " wide" : "")).append("<table>\n<thead><tr>");
        for (Table.Column column : table.columns()) {
            cell("th", column, column.heading());
        }
        body.append("</tr></thead>\n<tbody>\n");
        for (List<Object> row : table.rows()) {
            body.append("<tr>");
            for (int i = 0; i < row.size(); i++) {
                Table.Column column = table.columns().get(i);
                cell("td", column, column.text(row.get(i)));
            }
            body.append("</tr>\n");
        }
        body.append("</tbody></table></div>");
        caption(caption, data);
        return this;
    }

    private void cell(String tag, Table.Column column, String text) {
        body.append('<').append(tag).append(column.left() ? " class=\"left\"" : "").append('>')
                .append(Markup.escape(text))
                .append("</").append(tag).append('>');
    }

    /**
     * A chart; on a narrow screen it is scrolled by itself, and a hint says so, unless it is narrow enough.
     *
     * @param chart the chart
     * @param caption what it shows, and what to see in it; empty for nothing
     * @param data names of files beside the page that hold its numbers
     */
    public HtmlPage chart(Chart chart, String caption, String... data) {
        body.append(chart instanceof BarChart ? "<figure><div>" : SCROLLED).append('\n').append(chart.svg())
                .append("</div>");
        caption(caption, data);
        return this;
    }

    private void caption(String caption, String... data) {
        String links = Arrays.stream(data)
                .map(file -> "<a href=\"%s\">%s</a>".formatted(Markup.escape(address(file)), Markup.escape(file)))
                .collect(Collectors.joining(", "));
        if (!caption.isEmpty() || !links.isEmpty()) {
            body.append("\n<figcaption>").append(Markup.escape(caption));
            body.append(links.isEmpty() ? "" : (caption.isEmpty() ? "" : " ") + "Data: " + links);
            body.append("</figcaption>");
        }
        body.append("</figure>\n");
    }

    /** A relative address: a name with a colon is not taken for a scheme. */
    private static String address(String file) {
        String encoded = file.replace("%", "%25").replace(" ", "%20").replace("?", "%3F").replace("#", "%23");
        return "./" + encoded.replace('\\', '/');
    }

    private HtmlPage element(String tag, String text) {
        body.append('<').append(tag).append('>').append(Markup.escape(text)).append("</").append(tag).append(">\n");
        return this;
    }

    /** The document. */
    public String html() {
        StringBuilder page = new StringBuilder("""
                <!DOCTYPE html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <title>%1$s</title>
                <style>
                %2$s</style>
                </head>
                <body>
                <main>
                <h1>%1$s</h1>
                """.formatted(Markup.escape(title), STYLE));
        page.append(answer);
        if (sections.size() > 1) {
            page.append("<nav aria-label=\"Sections\"><ol>\n");
            for (int i = 0; i < sections.size(); i++) {
                page.append("<li><a href=\"#s%d\">%s</a></li>\n".formatted(i + 1, Markup.escape(sections.get(i))));
            }
            page.append("</ol></nav>\n");
        }
        return page.append(body).append("</main>\n</body>\n</html>\n").toString();
    }
}
