package io.maseparation.parallel.studies.paper;

import io.maseparation.files.WholeFile;
import io.maseparation.moe.Format;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.html.HtmlPage;
import io.maseparation.parallel.simulate.RoutingModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The paper's evaluation, simulated: every number it claims held against simulations and physical bounds, and maps of
 * where separation pays. All of it follows from the cluster and the seed.
 */
public final class Reproduction {
    /** The page. */
    public static final String PAGE = "index.html";
    /** Rows whose routing is drawn once. */
    private static final int REMEMBERED = 6144;

    private final Settings settings;
    private final List<Claim> claims;
    private final List<Section> sections;

    /**
     * What to do.
     *
     * @param cluster devices of the kind, nodes and links that are simulated; repeated or cut to the paper's 16
     * @param quick whether to simulate few points: seconds instead of minutes, and the same claims
     * @param seed of the routing
     * @param threads simulations at a time; results do not depend on it
     * @param formats number formats
     */
    public record Settings(Cluster cluster, boolean quick, long seed, int threads, Formats formats) {
        /**
         * With the paper's formats.
         *
         * @param cluster devices
         * @param quick whether to simulate few points
         * @param seed of the routing
         * @param threads simulations at a time
         */
        public Settings(Cluster cluster, boolean quick, long seed, int threads) {
            this(cluster, quick, seed, threads, Formats.USUAL);
        }
    }

    /** Hears of progress, from any thread. */
    public interface Listener {
        /** A part begins. */
        void doing(String what);

        /** One of all items is done. */
        void done();
    }

    /** Names of all files of a report. */
    public static final List<String> FILES = List.of("claims.csv", "assumptions.csv", "batches.csv", "plane.csv",
            "ratios.csv", "pareto.csv", "scaling.csv", "models.csv", "skew.csv", "steps.csv", PAGE);

    private Reproduction(Settings settings, List<Claim> claims, List<Section> sections) {
        this.settings = settings;
        this.claims = claims;
        this.sections = sections;
    }

    /** Number of items that a run reports to its listener. */
    public static int items(Settings settings) {
        Context context = context(settings, new Sweep(1, () -> {}));
        return Evidence.items(context)
                + studies(context).stream().mapToInt(Study::items).sum();
    }

    /** Runs the whole evaluation. */
    public static Reproduction run(Settings settings, Listener listener) {
        Context context = context(settings, new Sweep(settings.threads(), listener::done));
        listener.doing("claims");
        ClaimsStudy.Result result = new ClaimsStudy(context).run();
        List<Section> sections = new ArrayList<>(result.sections());
        for (Study study : studies(context)) {
            listener.doing(study.name());
            sections.addAll(study.run());
        }
        return new Reproduction(settings, result.claims(), List.copyOf(sections));
    }

    private static Context context(Settings settings, Sweep sweep) {
        return new Context(Fleet.of(settings.cluster(), Paper.DEVICES), settings.quick(), settings.seed(), sweep,
                RoutingModel.uniform().remembering(REMEMBERED), settings.formats());
    }

    private static List<Study> studies(Context context) {
        return List.of(
                new PlaneStudy(context),
                new FrontStudy(context),
                new ScalingStudy(context),
                new ModelsStudy(context),
                new SkewStudy(context),
                new StepStudy(context));
    }

    /**
     * The claims, with all columns: id, claim, claimed, simulated, assumptions, bound, verdict, note, and the values
     * behind.
     */
    public Table claims() {
        return Claim.table(claims);
    }

    /** Remarks beside the table of claims, one line per claim. */
    public List<String> notes() {
        return Claim.notes(claims);
    }

    /** What all of it comes to, in three sentences. */
    public List<String> answer() {
        return Claim.answer(claims);
    }

    /** The findings, one sentence each. */
    public List<String> findings() {
        return sections.stream().flatMap(s -> s.findings().stream()).toList();
    }

    /** The page, with all charts. */
    public String html() {
        HtmlPage page = new HtmlPage("The paper's evaluation, simulated").answer(answer());
        page.paragraph(
                "MA Separation's paper, held against simulations of the same layouts on cluster %s and against what"
                        .formatted(settings.cluster().name())
                        + " memory bandwidth allows. All times are simulated; nothing here was measured. TPOT is the time between"
                        + " a sequence's output tokens, TPS output tokens per second over the batch, A:M the attention and expert"
                        + " GPUs, m the number of micro-batches.");
        page.preformatted("./ma reproduce --cluster %s --seed %d%s%s%s".formatted(
                settings.cluster().name(), settings.seed(), settings.quick() ? " --quick" : "",
                settings.formats().weights().map(f -> " --weight-dtype " + f.id()).orElse(""),
                settings.formats().cache().equals(Format.F16) ? "" : " --kv-dtype " + settings.formats().cache().id()));
        for (Section section : sections) {
            page.section(section.heading());
            section.paragraphs().forEach(page::paragraph);
            section.figures().forEach(figure -> figure.addTo(page, section.file()));
            if (!section.findings().isEmpty()) {
                page.list(section.findings());
            }
        }
        return page.html();
    }

    /**
     * Writes the page and the numbers behind its charts. Every file appears whole or not at all, the page last.
     *
     * @param folder where; it is created if need be, and files of the same names are replaced
     * @throws java.io.UncheckedIOException if something cannot be written; it names the file
     */
    public void write(Path folder) {
        String html = html();
        for (Section section : sections) {
            WholeFile.write(folder.resolve(section.file()), TableWriter.write(section.data(), OutputFormat.CSV));
        }
        WholeFile.write(folder.resolve(PAGE), html);
    }
}
