package io.maseparation.parallel.present.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.parallel.timeline.TimelineEvent;
import io.maseparation.parallel.timeline.TimelineEvent.Stream;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class ChartTest {
    private static final Axis BATCH = new Axis("batch", "sequences", Scale.LOG2);
    private static final Axis CONTEXT = new Axis("context", "tokens", Scale.LOG2);
    private static final Axis TPOT = new Axis("TPOT", "ms", Scale.LOG);
    private static final Axis SHARE = new Axis("busy", "%", Scale.LINEAR);
    private static final Pattern NUMBER = Pattern.compile("-?\\d+(\\.\\d+)?");

    /** The SVG as a document; it must be well-formed, and nothing in it may be no number or lie outside. */
    private static Document parsed(Chart chart) {
        String svg = chart.svg();
        assertThat(svg).startsWith("<svg ").endsWith("</svg>\n").doesNotContain("NaN").doesNotContain("Infinity");
        Document document;
        try {
            document = DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(new InputSource(new StringReader(svg)));
        } catch (Exception e) {
            throw new AssertionError(svg, e);
        }
        assertThat(document.getElementsByTagName("title").item(0).getTextContent()).isEqualTo(chart.title());
        assertThat(document.getElementsByTagName("desc").getLength()).isEqualTo(1);
        return document;
    }

    private static List<Element> elements(Document document, String tag) {
        NodeList nodes = document.getElementsByTagName(tag);
        List<Element> elements = new ArrayList<>();
        for (int i = 0; i < nodes.getLength(); i++) {
            elements.add((Element) nodes.item(i));
        }
        return elements;
    }

    private static List<String> texts(Document document) {
        return elements(document, "text").stream().map(Element::getTextContent).toList();
    }

    private static List<String> tips(Document document) {
        return elements(document, "title").stream().skip(1).map(Element::getTextContent).toList();
    }

    @Test
    void aLineChartNamesSeriesUnitsAndReferences() {
        LineChart chart = new LineChart("TPOT over batch", BATCH, TPOT)
                .note("simulated, a100x16")
                .series("ma 12:4", new double[] {1, 8, 64}, new double[] {0.7, 0.9, 4})
                .series("tp & pp", new double[] {1, 64}, new double[] {1.5, 2}, List.of("first", "second"))
                .horizontal(1.96, "bound");

        Document document = parsed(chart);

        assertThat(texts(document)).contains("TPOT over batch", "simulated, a100x16", "ma 12:4", "tp & pp",
                "bound", "batch (sequences)", "TPOT (ms)", "1", "2", "64");
        assertThat(tips(document)).contains("ma 12:4: batch 8 sequences, TPOT 0.9 ms",
                "tp & pp: batch 64 sequences, TPOT 2 ms; second");
    }

    @Test
    void whatHasNoValueIsLeftOutAndInterruptsItsLine() {
        double no = Double.NaN;
        LineChart chart = new LineChart("t", BATCH, SHARE)
                .series("s", new double[] {1, 2, 4, 8, no}, new double[] {10, no, 30, 40, 50})
                .horizontal(Double.POSITIVE_INFINITY, "never");

        Document document = parsed(chart);

        String line = elements(document, "path").stream()
                .map(e -> e.getAttribute("d"))
                .filter(d -> d.matches("M[\\d. ]+M.*"))
                .findFirst()
                .orElseThrow();
        assertThat(line.chars().filter(c -> c == 'M').count()).isEqualTo(2);
        assertThat(line.chars().filter(c -> c == 'L').count()).isEqualTo(1);
        assertThat(tips(document)).hasSize(3);
        assertThat(texts(document)).doesNotContain("never");
        assertThat(texts(parsed(new LineChart("none", BATCH, TPOT).series("s", new double[] {no}, new double[] {1}))))
                .contains("no values", "s");
    }

    @Test
    void logarithmicAxesRefuseWhatIsNotPositive() {
        LineChart chart = new LineChart("t", BATCH, TPOT);

        assertThatThrownBy(() -> chart.series("ma", new double[] {1}, new double[] {0}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("series 'ma': 0.0 has no place on the logarithmic axis 'TPOT (ms)'; use a linear one");
        assertThatThrownBy(() -> chart.horizontal(1e200, "x")).hasMessageContaining("too large");
        assertThatThrownBy(() -> chart.horizontal(-1, "x")).hasMessageContaining("reference line 'x': -1.0");
        assertThatThrownBy(() -> new BarChart("t", TPOT, List.of("a")).group("g", 0)).hasMessageContaining("group 'g'");
        assertThatThrownBy(() -> new MapChart("t", BATCH, CONTEXT, new double[] {0}, new double[] {1}, SHARE))
                .hasMessageContaining("batch (sequences)");
        assertThatThrownBy(() -> chart.series("ma", new double[2], new double[1]))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Property(tries = 300)
    void pointsStayInsideWhateverTheirValues(
            @ForAll @Size(min = 1, max = 12) List<@DoubleRange(min = -1e100, max = 1e100) Double> values) {
        double[] y = values.stream().mapToDouble(v -> v).toArray();
        double[] x = new double[y.length];
        for (int i = 0; i < x.length; i++) {
            x[i] = i;
        }
        double[] positive = values.stream().mapToDouble(v -> Math.abs(v) / 2 + 1e-9).toArray();
        Axis index = new Axis("index", "", Scale.LINEAR);

        for (Chart chart : List.of(
                new LineChart("linear", index, SHARE).series("s", x, y),
                new LineChart("log", index, TPOT).series("s", x, positive),
                new LineChart("log2", BATCH, index).series("s", positive, x),
                new BarChart("bars", SHARE, List.of("s")).group("g", y[0]))) {
            for (Element element : elements(parsed(chart), "text")) {
                assertInside(element.getAttribute("x"), Sheet.WIDTH);
            }
            for (Element element : elements(parsed(chart), "path")) {
                Matcher numbers = NUMBER.matcher(element.getAttribute("transform"));
                while (numbers.find()) {
                    assertInside(numbers.group(), Sheet.WIDTH);
                }
            }
        }
    }

    private static void assertInside(String coordinate, double most) {
        if (!coordinate.isEmpty()) {
            assertThat(Double.parseDouble(coordinate)).isBetween(0.0, most);
        }
    }

    /** No value of a bar is beyond a telephone's screen, to which the sheet shrinks. */
    @Test
    void barsAndTheirValuesFitANarrowSheet() {
        Document chart =
                parsed(new BarChart("TPOT of many layouts with a title that needs two lines or even more", TPOT,
                        List.of("simulated", "bound")).group("a label of more words than there is room for", 1234.5, 1)
                        .reference(1000, "limit"));
        assertThat(chart.getDocumentElement().getAttribute("viewBox")).startsWith("0 0 460 ");
        assertThat(chart.getDocumentElement().getAttribute("style")).contains("min-width:320px");
        for (Element text : elements(chart, "text")) {
            if (text.getAttribute("text-anchor").equals("start")) {
                assertThat(Double.parseDouble(text.getAttribute("x")) + Words.width(text.getTextContent(), Sheet.TEXT))
                        .as(text.getTextContent()).isLessThanOrEqualTo(460);
            }
        }
    }

    @Test
    void ticksAreRound() {
        assertThat(Ticks.of(Scale.LINEAR, 0, 1, 5)).containsExactly(0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0);
        assertThat(Ticks.of(Scale.LOG, 0.9, 120, 10)).containsExactly(1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0);
        assertThat(Ticks.of(Scale.LOG2, 1, 16, 10)).containsExactly(1.0, 2.0, 4.0, 8.0, 16.0);
        assertThat(List.of(0.6000000000000001, 2048.0, 131072.0, 25600.0, 1.5, 0.001, 1e6, 2e9, -20.0).stream()
                .map(Ticks::label)
                .toList()).containsExactly("0.6", "2048", "128Ki", "25600", "1.5", "0.001", "1 M", "2000 M", "-20");
    }

    @Test
    void aMapHasItsCellsLegendLinesAndOutline() {
        MapChart chart = new MapChart("best", BATCH, CONTEXT, new double[] {8, 16, 32}, new double[] {1024, 2048},
                new Axis("best A:M", "", Scale.LINEAR));
        for (int i = 0; i < 6; i++) {
            chart.category(i % 3, i / 3, i % 3 == 2 ? "12:4" : "8:8", "t" + i, "tip " + i);
        }
        chart.line("closed form", new double[] {1, 8, Double.NaN, 64}, new double[] {1e6, 2048, 1, 256});
        chart.outline("3:1", (column, row) -> column == 2);

        Document document = parsed(chart);

        assertThat(texts(document)).contains("best A:M:", "12:4", "8:8", "closed form", "3:1", "t0", "t5", "1024", "32",
                "batch (sequences)", "context (tokens)");
        assertThat(tips(document)).contains("batch 32 sequences, context 2048 tokens: best A:M 12:4; tip 5");
        // Around two cells of one column: two ends and two times two sides.
        assertThat(elements(document, "path").stream()
                .map(e -> e.getAttribute("d"))
                .filter(d -> d.chars().filter(c -> c == 'M').count() == 6)
                .toList()).hasSize(2);
        assertThatThrownBy(() -> chart.category(3, 0, "a", "", "")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aMapOfOneCellIsDrawn() {
        Axis change = new Axis("change", "%", Scale.LINEAR);
        MapChart one = new MapChart("one", BATCH, CONTEXT, new double[] {8}, new double[] {1024}, change)
                .amount(0, 0, -12.5, "-12", "")
                .middle(0)
                .line("line", new double[] {8, 16}, new double[] {1024, 512})
                .outline("all", (column, row) -> true);
        MapChart none = new MapChart("none", BATCH, CONTEXT, new double[] {8}, new double[] {1024}, change)
                .amount(0, 0, Double.NaN, "NaN", "does not fit");

        assertThat(texts(parsed(one))).contains("-12", "change (%)", "8", "1024");
        assertThat(tips(parsed(none)))
                .containsExactly("batch 8 sequences, context 1024 tokens: change no value; does not fit");
    }

    @Test
    void amountsSpreadOverTheirScale() {
        double[] batches = {1, 2, 4};
        MapChart chart = new MapChart("tps", BATCH, CONTEXT, batches, new double[] {1},
                new Axis("TPS", "tokens/s", Scale.LOG));
        for (int i = 0; i < 3; i++) {
            chart.amount(i, 0, Math.pow(100, i), "v" + i, "");
        }

        List<String> fills = elements(parsed(chart), "rect").stream().map(e -> e.getAttribute("fill")).toList();

        assertThat(fills).startsWith(Palette.amount(0), Palette.amount(0.5), Palette.amount(1));
        assertThatThrownBy(() -> chart.amount(0, 0, 0, "", "")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> chart.middle(1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void barsStandBesideTheirValues() {
        Document document =
                parsed(new BarChart("TPOT", new Axis("TPOT", "ms", Scale.LINEAR), List.of("claimed", "bound"))
                        .group("ma 12:4", 1.82, 1.96)
                        .group("unknown", Double.NaN, -1)
                        .reference(2, "limit"));

        assertThat(texts(document)).contains("claimed", "bound", "ma 12:4", "unknown", "1.82", "1.96", "–", "limit",
                "TPOT (ms)");
        assertThat(tips(document)).containsExactly("ma 12:4, claimed: 1.82 ms", "ma 12:4, bound: 1.96 ms",
                "unknown, bound: -1 ms");
    }

    private static List<TimelineEvent> steps(int ranks, int late) {
        List<TimelineEvent> events = new ArrayList<>();
        for (int rank = 0; rank < ranks; rank++) {
            for (int m = 0; m < 2; m++) {
                long start = 1_000_000L * m + (rank == late ? 1 : 0);
                events.add(new TimelineEvent(rank, Stream.COMPUTE, "attention0", m, 5, false, start, start + 900_000));
                events.add(new TimelineEvent(rank, Stream.TRANSFER, "dispatch", m, 5, false, start, start + 1_200_000));
                events.add(new TimelineEvent(rank, Stream.TRANSFER, "wait: x", m, 5, false, start, start + 9_000_000));
                events.add(new TimelineEvent(rank, Stream.COMPUTE, "output", m, 6, false, 5_000_000, 6_000_000));
            }
        }
        return events;
    }

    @Test
    void aGanttChartHasARowForEachRank() {
        Document document =
                parsed(new GanttChart("steps", Collections.nCopies(16, "attention"), steps(16, -1)).steps(5, 5));

        assertThat(texts(document)).contains("0 attention", "15 attention", "time (ms)", "micro-batch:", "0", "1",
                "kernels", "transfers", "A0", "A: attention; with the number of the layer or stage");
        assertThat(tips(document)).contains("rank 3, attention0, micro-batch 1, step 5: 0.9 ms from 1 ms")
                .noneMatch(t -> t.contains("output") || t.contains("wait"));
    }

    @Test
    void manyAlikeRanksShareARow() {
        List<String> names = Collections.nCopies(64, "attention");

        assertThat(texts(parsed(new GanttChart("same", names, steps(64, -1))))).contains("0 attention × 64");
        assertThat(texts(parsed(new GanttChart("one late", names, steps(64, 7)))))
                .contains("0 attention × 63", "7 attention");
        assertThat(texts(parsed(new GanttChart("nothing", names, List.of())))).contains("no events");
        assertThatThrownBy(() -> new GanttChart("t", List.of("a"), steps(2, -1)).svg())
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void textIsEscapedAndKeptInsideXml() {
        String evil = "<script>alert('x')</script> & \"q\" \u0001\uD800";
        String kept = evil.replace('\u0001', '\uFFFD').replace('\uD800', '\uFFFD');

        for (Chart chart : List.of(
                new LineChart("t", new Axis(evil, "ms", Scale.LINEAR), TPOT)
                        .series(evil, new double[] {1}, new double[] {1}, List.of(evil)),
                new BarChart("t", SHARE, List.of(evil)).group("g", 1),
                new GanttChart("t", List.of("a"), List.of(
                        new TimelineEvent(0, Stream.COMPUTE, evil, 0, 0, false, 0, 1_000_000))),
                new MapChart("t", BATCH, CONTEXT, new double[] {1}, new double[] {1}, SHARE)
                        .category(0, 0, evil, evil, evil))) {
            Document document = parsed(chart);
            assertThat(elements(document, "script")).isEmpty();
            assertThat(document.getDocumentElement().getTextContent()).contains(kept);
        }
    }
}
