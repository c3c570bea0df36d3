package io.maseparation.parallel.studies.paper;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.studies.paper.Reproduction.Listener;
import io.maseparation.parallel.studies.paper.Reproduction.Settings;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;

/** A quick run of the whole evaluation: what it claims, and what it writes. */
class ReproductionTest {
    private static final Settings SETTINGS = new Settings(Clusters.named("a100x16"), true, 0, 2);
    private static final Pattern SVG = Pattern.compile("<svg xmlns.*?</svg>\\R(?=</div>)", Pattern.DOTALL);

    @TempDir
    static Path folder;

    private static Reproduction reproduction;
    private static String page;
    private static final AtomicInteger DONE = new AtomicInteger();

    @BeforeAll
    static void run() throws IOException {
        reproduction = Reproduction.run(SETTINGS, new Listener() {
            @Override
            public void doing(String what) {
                assertThat(what).isNotBlank();
            }

            @Override
            public void done() {
                DONE.incrementAndGet();
            }
        });
        reproduction.write(folder);
        page = Files.readString(folder.resolve(Reproduction.PAGE));
    }

    private static Map<String, Map<String, Object>> claims() {
        return reproduction.claims().objects().stream()
                .collect(Collectors.toMap(row -> (String) row.get("id"), row -> row));
    }

    private static double value(String id, String column) {
        return (double) claims().get(id).get(column);
    }

    @Test
    void everyClaimHasARowWithAVerdict() {
        assertThat(claims()).containsOnlyKeys("batch_baseline", "batch_ma", "tpot_baseline", "tps_baseline", "tpot_ma",
                "tps_ma", "tpot_change", "tps_change", "implied_tps_change", "best_ratio", "utilisation_ma",
                "utilisation_baseline", "memory_efficiency_ma", "memory_efficiency_baseline", "scaling_efficiency",
                "mismatch", "where_tpot", "where_tps");
        assertThat(reproduction.claims().rows()).allSatisfy(row -> assertThat(row).doesNotContainNull());
        assertThat(reproduction.claims().objects()).allSatisfy(row -> {
            for (String column : List.of("claim", "claimed", "simulated", "assumptions", "bound", "verdict")) {
                assertThat((String) row.get(column)).isNotBlank().doesNotContain("NaN");
            }
            assertThat(row.get("source")).isEqualTo("simulated");
        });
    }

    @Test
    void theAnswerComesBeforeEverythingElse() {
        assertThat(reproduction.answer()).hasSize(3);
        assertThat(reproduction.answer().getFirst()).startsWith("TPOT of MA Separation 12:4, 1.82 ms in the paper:"
                + " impossible below 1.96 ms; the nearest simulation has ").contains(
                        (String) claims().get("tpot_ma").get("simulated"));
        assertThat(reproduction.answer().get(1)).startsWith("Of 18 numbers: ");
        assertThat(page.indexOf("<p>Of 18 numbers: ")).isBetween(0, page.indexOf("<nav"));
        assertThat(page.indexOf(">verdict</th>")).as("next to the claim, in sight on a telephone")
                .isBetween(page.indexOf(">claim</th>"), page.indexOf(">claimed</th>"));
    }

    @Test
    void numbersOfThePaperAreThoseThatItPrints() {
        assertThat(claims().values().stream().map(row -> row.get("claimed"))).contains("2.76 ms", "1.82 ms", "−34.2 %",
                "8,696 tokens/s", "13,289 tokens/s", "+52.8 %", "89.7 %", "71.2 %", "85.4 %", "74.1 %", "87.0 %",
                "3:1");
        assertThat(claims().get("implied_tps_change")).containsEntry("simulated", "+52.0 %");
        assertThat(claims().get("batch_baseline")).containsEntry("simulated", "24.0 sequences");
        assertThat(claims().get("batch_ma")).containsEntry("simulated", "24.2 sequences");
    }

    @Test
    void theBaselineIsReproducedAndTheClaimIsImpossible() {
        assertThat(claims().get("tpot_baseline")).containsEntry("verdict_kind", "reproduced");
        assertThat(claims().get("tpot_ma"))
                .containsEntry("verdict", "impossible below 1.96 ms")
                .containsEntry("bound", "≥ 1.96 ms");
        assertThat((String) claims().get("tpot_ma").get("note")).contains("1.96 ms", "2.40 ms", "2.79 ms", "3.41 ms");
        assertThat(value("tpot_ma", "simulated_value")).isGreaterThan(value("tpot_ma", "bound_value"));
        assertThat(value("tps_ma", "simulated_value")).isLessThan(value("tps_ma", "bound_value"));
        assertThat(claims().get("tpot_change")).containsEntry("verdict_kind", "impossible");
        assertThat(claims().get("best_ratio")).containsEntry("verdict_kind", "undefined");
        assertThat(value("best_ratio", "simulated_value")).isLessThanOrEqualTo(1);
    }

    @Test
    void progressAddsUp() {
        assertThat(DONE).hasValue(Reproduction.items(SETTINGS));
    }

    @Test
    @Tag("long")
    void anotherRunOnAnotherNumberOfThreadsGivesTheSame() {
        Settings alone = new Settings(SETTINGS.cluster(), true, 0, 1);
        Reproduction again = Reproduction.run(alone, new Listener() {
            @Override
            public void doing(String what) {}

            @Override
            public void done() {}
        });

        assertThat(again.claims()).isEqualTo(reproduction.claims());
        assertThat(again.html()).isEqualTo(page);
    }

    @Test
    void thePageNeedsNothingElse() {
        assertThat(page.replace("xmlns=\"http://www.w3.org/2000/svg\"", ""))
                .doesNotContain("http:", "https:", "<script", "<link", "<img", "@import", "url(");
    }

    @Test
    void chartsAreWellFormedAndNamed() throws ParserConfigurationException, IOException, SAXException {
        Matcher charts = SVG.matcher(page);
        Set<String> titles = new HashSet<>();
        while (charts.find()) {
            var document = DocumentBuilderFactory.newDefaultInstance().newDocumentBuilder()
                    .parse(new InputSource(new StringReader(charts.group())));
            assertThat(titles.add(document.getDocumentElement().getAttribute("aria-label"))).isTrue();
            assertThat(charts.group()).doesNotContain("NaN", ">no values<");
        }
        assertThat(titles).hasSizeGreaterThanOrEqualTo(15);
        assertThat(page).doesNotContain("NaN").endsWith("</html>\n");
    }

    /** They are looked at before the work begins. */
    @Test
    void allFilesAreKnownBefore() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .containsExactlyInAnyOrderElementsOf(Reproduction.FILES);
        }
    }

    @Test
    void linksLeadToTheNumbersBehindEachChart() throws IOException {
        Set<String> linked = Pattern.compile("href=\"\\./([^\"]+)\"").matcher(page).results()
                .map(m -> m.group(1))
                .collect(Collectors.toSet());
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(f -> f.getFileName().toString()).filter(f -> !f.equals(Reproduction.PAGE)))
                    .containsExactlyInAnyOrderElementsOf(linked);
        }
        for (String file : linked) {
            List<List<String>> rows = csv(Files.readString(folder.resolve(file)));
            assertThat(rows).as(file).hasSizeGreaterThan(1);
            assertThat(rows).as(file).allMatch(row -> row.size() == rows.getFirst().size());
            assertThat(rows.getFirst()).as(file).doesNotHaveDuplicates().allMatch(name -> name.matches("[a-z_]+"));
        }
    }

    @Test
    void noTpotOfThreeToOneIsUnderItsBound() throws IOException {
        List<List<String>> rows = csv(Files.readString(folder.resolve("assumptions.csv")));
        List<String> head = rows.getFirst();
        List<List<String>> threeToOne = rows.stream()
                .filter(row -> row.get(head.indexOf("layout")).startsWith("ma 12:4"))
                .toList();
        assertThat(threeToOne).hasSize(12 * 3);
        for (List<String> row : threeToOne) {
            boolean gated = row.get(head.indexOf("matrices")).equals("3");
            boolean one = row.get(head.indexOf("experts_per_token")).equals("1");
            assertThat(Double.parseDouble(row.get(head.indexOf("tpot_ms"))))
                    .isGreaterThan(gated ? (one ? 2.79 : 3.40) : one ? 1.95 : 2.40);
        }
    }

    @Test
    void aTableOfClaimsKeepsItsColumns() {
        assertThat(reproduction.claims().columns().stream().map(Table.Column::key)).containsSubsequence(
                "claim", "claimed", "simulated", "assumptions", "bound", "verdict");
        assertThat(reproduction.notes()).isNotEmpty().allMatch(note -> note.endsWith("."));
    }

    /** Rows of a CSV file (RFC 4180). */
    private static List<List<String>> csv(String text) {
        List<List<String>> rows = new ArrayList<>();
        List<String> row = new ArrayList<>();
        StringBuilder field = new StringBuilder();
        boolean quoted = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"') {
                boolean doubled = quoted && i + 1 < text.length() && text.charAt(i + 1) == '"';
                if (doubled) {
                    field.append(c);
                    i++;
                } else {
                    quoted = !quoted;
                }
            } else if (!quoted && (c == ',' || c == '\n')) {
                row.add(field.toString());
                field.setLength(0);
                if (c == '\n') {
                    rows.add(row);
                    row = new ArrayList<>();
                }
            } else {
                field.append(c);
            }
        }
        assertThat(quoted).isFalse();
        assertThat(row).isEmpty();
        return rows;
    }
}
