package io.maseparation.parallel.present.html;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.files.WholeFile;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.present.chart.Axis;
import io.maseparation.parallel.present.chart.BarChart;
import io.maseparation.parallel.present.chart.LineChart;
import io.maseparation.parallel.present.chart.Scale;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HtmlPageTest {
    private static final String EVIL = "<script>alert(\"1\")</script> & 'x'";
    private static final String SAFE = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;";

    @TempDir
    Path temp;

    private static HtmlPage page(String text) {
        Axis axis = new Axis(text, "ms", Scale.LINEAR);
        Table table = Table.builder()
                .column("a", text, Unit.PLAIN)
                .column("b_ms", "time", Unit.MILLISECONDS)
                .row(text, 1.5)
                .row(List.of(text, 2), Double.NaN)
                .build();
        return new HtmlPage(text)
                .paragraph(text)
                .section(text)
                .list(List.of(text))
                .preformatted(text)
                .table(table, "")
                .section("charts")
                .chart(new LineChart(text, axis, axis).series(text, new double[] {1}, new double[] {2}), text,
                        "a \"b\"#1.csv");
    }

    @Test
    void allTextIsEscaped() {
        String html = page(EVIL).html();

        assertThat(html).doesNotContain("<script").contains("<h1>" + SAFE, "<title>" + SAFE, "<p>" + SAFE,
                "<li>" + SAFE, "<pre>" + SAFE, "<td class=\"left\">" + SAFE, "<h2 id=\"s1\">" + SAFE);
        assertThat(html).contains("href=\"./a%20&quot;b&quot;%231.csv\"");
    }

    @Test
    void thePageNeedsNothingElse() {
        String html = page("plain").html();

        assertThat(html).startsWith("<!DOCTYPE html>\n").contains("charset=\"utf-8\"", "width=device-width",
                "<td>1.50 ms</td>", "<td>-</td>", "<a href=\"#s2\">charts</a>", "<svg ");
        assertThat(html.replace("http://www.w3.org/2000/svg", "")).doesNotContain("http");
        assertThat(Pattern.compile("src=|@import|url\\(").matcher(html).find()).isFalse();
        for (String tag : List.of("figure", "table", "section", "div", "svg", "tr", "td", "p", "ul", "li")) {
            assertThat(html.split("<" + tag + "[ >]", -1)).as(tag).hasSameSizeAs(html.split("</" + tag + ">", -1));
        }
    }

    @Test
    void theAnswerComesFirstAndWhatScrollsSaysSo() {
        String html = page("x").answer(List.of("It does <not> pay.", "Because.")).html();

        assertThat(html.indexOf("<p>It does &lt;not&gt; pay.</p>")).isBetween(0, html.indexOf("<nav"));
        assertThat(html.split("class=\"soft hint\"", -1)).as("a table and a line chart").hasSize(3);
        Axis axis = new Axis("x", "ms", Scale.LINEAR);
        assertThat(new HtmlPage("bars").chart(new BarChart("b", axis, List.of("s")).group("g", 1), "").html())
                .as("narrow enough for a telephone").doesNotContain("class=\"soft hint\"", "class=\"scroll\"");
    }

    @Test
    void filesAppearWholeOrNotAtAll() throws IOException {
        Path file = temp.resolve("folder").resolve("report.html");
        WholeFile.write(file, page("a").html());
        String before = Files.readString(file);

        assertThatThrownBy(() -> WholeFile.write(file, writer -> {
            writer.write("half");
            throw new IOException("disk full");
        })).isInstanceOf(UncheckedIOException.class).hasMessageContaining(file + " cannot be written: disk full");
        assertThat(Files.readString(file)).isEqualTo(before);
        assertThat(file.getParent().toFile().list()).containsExactly("report.html");
        WholeFile.write(file, "ü");
        assertThat(Files.readString(file)).isEqualTo("ü");
        assertThatThrownBy(() -> WholeFile.write(file.resolve("below"), ""))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining(file + " is not a folder");
    }
}
