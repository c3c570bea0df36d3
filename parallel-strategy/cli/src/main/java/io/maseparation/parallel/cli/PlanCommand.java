package io.maseparation.parallel.cli;

import io.maseparation.files.Identified;
import io.maseparation.files.Json;
import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cli.results.SimulationReport;
import io.maseparation.parallel.cli.results.SimulationTable;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.search.BitIdentity;
import io.maseparation.parallel.search.Deadline;
import io.maseparation.parallel.search.Evaluation;
import io.maseparation.parallel.search.Goal;
import io.maseparation.parallel.search.LayoutFilter;
import io.maseparation.parallel.search.LayoutKind;
import io.maseparation.parallel.search.Objective;
import io.maseparation.parallel.search.Planner;
import io.maseparation.parallel.search.Ranges;
import io.maseparation.parallel.search.SearchRequest;
import io.maseparation.parallel.search.SearchResult;
import io.maseparation.parallel.search.Verdict;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** {@code ma plan}: the search for the best plan, and whether separation pays. */
final class PlanCommand extends Command {
    private static final String OBJECTIVE = "objective";
    private static final String OUTPUT = "output";
    private static final String TIME_LIMIT = "time-limit";
    /** Sentences of the verdict that stand before the tables. */
    private static final int FIRST = 2;
    /** A week. */
    private static final int MOST_SECONDS = 7 * 24 * 3600;

    PlanCommand() {
        super("plan", "search for the best plan on a cluster, and say whether separation pays and why");
        example("plan --batch 1024", "the paper's model and cluster, a batch of 1024");
        example("plan -m tiny --cluster h200x2 --batch 4 -o plan.json",
                "a plan that ma generate --plan plan.json runs");
        example("plan -m olmoe-1b-7b --cluster a100x4 --slo-tpot-ms 8 --format json",
                "most tokens per second with at most 8 ms between a sequence's tokens, for a program to read");
        note("Searched are tp-pp, ep and ma in all sizes that use the devices up, with 1 to 4 micro-batches (up to twice"
                + " the stages of a pipeline), and for ma several ways to lay the pools over nodes and kinds of device.");
        note("Everything it prints is simulated. How it searches and what the verdict means: docs/simulation.md.");
    }

    @Override
    void addOptions(OptionList options) {
        SimulationFlags.add(options);
        options.value(SimulationFlags.BATCH, "N",
                "sequences over all ranks; with --slo-tpot-ms and without this the batch is searched, too [24]");
        options.value(OBJECTIVE, "NAME",
                "tps (tokens per second), tpot (time between tokens) or cost (price of a token) [tps]");
        options.value(StrategyFlags.COMBINE, "NAME",
                "what experts send back: experts (a single device's bits), sums (one row per rank) or any [experts]");
        options.value(StrategyFlags.DISPATCH, "NAME",
                "how rows get to experts of other nodes: direct (to each rank), node (once to each node) or any [any]");
        options.value(TIME_LIMIT, "SECONDS",
                "end after about this time with the best plans so far, and say what was not tried");
        options.value("o", OUTPUT, "FILE",
                "write the best plan, for simulate --plan and generate --plan");
        OutputFlags.add(options);
    }

    @Override
    void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        Optional<Path> output = OutputFlags.file(arguments, OUTPUT);
        Objective objective =
                arguments.choice(OBJECTIVE, Objective.TPS, List.of(Objective.values()), Objective::id);
        Deadline deadline = deadline(arguments);
        double limit = SimulationFlags.tpotLimitMs(arguments);
        ModelConfig config = SimulationFlags.model(arguments, Optional.empty());
        Cluster cluster = SimulationFlags.cluster(arguments, Optional.empty());
        Scenario scenario = SimulationFlags.scenario(arguments, config, Optional.empty());
        Goal goal = new Goal(objective, limit, objective != Objective.TPOT
                && SimulationFlags.hasTpotLimit(arguments) && !SimulationFlags.hasBatch(arguments));
        SearchRequest request = SearchRequest.of(config, cluster, scenario)
                .with(LayoutFilter.usual()
                        .with(searched(arguments, StrategyFlags.COMBINE, CombineMode.class,
                                EnumSet.of(CombineMode.EXPERTS)))
                        .withDispatches(searched(arguments, StrategyFlags.DISPATCH, Dispatch.Mode.class,
                                EnumSet.allOf(Dispatch.Mode.class))))
                .withDeadline(deadline);
        try {
            request = request.with(goal);
        } catch (PlanException e) {
            throw new UsageException(FlagNames.translate(e.getMessage()));
        }
        Verdict verdict;
        Ranges ranges;
        try (Progress progress = terminal.progress("searching", -1)) {
            SearchResult search = Planner.search(request.withProgress(progress::at));
            progress.doing("verdict");
            verdict = Verdict.of(search);
            ranges = Ranges.of(search, BitIdentity.of(search));
        }
        SearchResult found = ranges.found();
        Evaluation best = found.best();
        Simulation simulated = best.result().simulation();
        OutputFlags.both(
                () -> output.ifPresent(file -> PlanFile.of(simulated.plan())
                        .madeFor(cluster.name(), simulated.scenario().batch(), simulated.scenario().context())
                        .write(file)),
                () -> terminal.results(format == OutputFormat.JSON
                        ? Json.write(tree(ranges, verdict))
                        : text(ranges, verdict, format), format));
        output.ifPresent(file -> terminal.err().println("The best plan is in " + file));
    }

    private static Deadline deadline(Arguments arguments) {
        if (!arguments.has(TIME_LIMIT)) {
            return Deadline.NEVER;
        }
        double seconds = arguments.number(TIME_LIMIT, 0);
        if (!(seconds > 0 && seconds <= MOST_SECONDS)) {
            throw new UsageException("--%s must be above 0 and at most %d, is %s"
                    .formatted(TIME_LIMIT, MOST_SECONDS, seconds));
        }
        return Deadline.in(Duration.ofMillis((long) Math.ceil(1e3 * seconds)));
    }

    /** What the time did not suffice for, in words; empty if it did. */
    private static String notTried(Ranges ranges, Verdict verdict) {
        SearchResult.Untried untried = ranges.found().untried();
        List<String> parts = new ArrayList<>();
        if (untried.bounded() > 0) {
            parts.add("%d layouts were not looked at".formatted(untried.bounded()));
        }
        if (untried.simulated() > 0) {
            parts.add(
                    "%d layouts that may be better by their bounds were not simulated".formatted(untried.simulated()));
        }
        if (untried.again() > 0) {
            parts.add("%d layouts near the best were simulated for a few steps only".formatted(untried.again()));
        }
        if (!verdict.complete()) {
            parts.add("not all leaders were simulated under other circumstances");
        }
        boolean better = !parts.isEmpty();
        if (bitsNotTried(ranges)) {
            parts.add("not all leaders were simulated with their experts' outputs combined the other way");
        }
        if (!ranges.complete()) {
            parts.add("not all ranges were simulated");
        }
        return parts.isEmpty()
                ? ""
                : " The time limit ended the search: %s%s.".formatted(
                        String.join(", ", parts), better ? "; a better plan may exist" : "");
    }

    private static boolean bitsNotTried(Ranges ranges) {
        return ranges.bits().map(b -> b.untried() > 0)
                .orElse(ranges.found().request().deadline().exists() && !ranges.complete());
    }

    private static Map<String, Object> untried(Ranges ranges, Verdict verdict) {
        SearchResult found = ranges.found();
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("layouts_not_bounded", found.untried().bounded());
        tree.put("layouts_not_simulated", found.untried().simulated());
        tree.put("leaders_not_simulated_again", found.untried().again());
        tree.put("changes_complete", verdict.complete());
        tree.put("bit_identity_complete", !bitsNotTried(ranges));
        tree.put("ranges_complete", ranges.complete());
        return tree;
    }

    private static Map<String, Object> tree(Ranges ranges, Verdict verdict) {
        SearchResult found = ranges.found();
        SearchRequest request = found.request();
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("model", request.config().name());
        tree.put("cluster", request.cluster().name());
        tree.put("objective", request.goal().objective().id());
        tree.put("slo_tpot_ms", request.goal().tpotLimitMs());
        tree.put("source", "simulated");
        tree.put("verdict", verdict.answer().words());
        tree.put("reason", verdict.reason());
        tree.put("pays", verdict.answer() == Verdict.Answer.PAYS || verdict.answer() == Verdict.Answer.NECESSARY);
        tree.put("regime", verdict.regime().id());
        tree.put("gain", verdict.gain());
        tree.put("flips_with", verdict.flip().map(Verdict.Change::what).orElse(null));
        tree.put("changes", verdict.changes().stream().map(c -> change(c, request.goal().objective())).toList());
        verdict.bound().ifPresent(b -> tree.put("pools", pools(b)));
        tree.put("bit_identity", ranges.bits().map(PlanCommand::bitIdentity).orElse(null));
        tree.put("candidates", found.candidates());
        tree.put("candidates_impossible", found.refused());
        tree.put("candidates_simulated", found.simulated());
        tree.put("time_limit_hit", !notTried(ranges, verdict).isEmpty());
        tree.put("not_tried", untried(ranges, verdict));
        tree.put("best", SimulationReport.tree(found.best().result()));
        tree.put("best_ma", found.best(LayoutKind.MA).map(e -> SimulationReport.tree(e.result())).orElse(null));
        List<Map<String, Object>> baselines = new ArrayList<>();
        for (LayoutKind kind : LayoutKind.values()) {
            if (!kind.separates()) {
                found.best(kind).ifPresent(e -> {
                    Map<String, Object> entry = new LinkedHashMap<>();
                    entry.put("baseline", kind.id());
                    entry.putAll(SimulationReport.tree(e.result()));
                    baselines.add(entry);
                });
            }
        }
        tree.put("baselines", baselines);
        return tree;
    }

    private static Map<String, Object> change(Verdict.Change change, Objective objective) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("change", change.what());
        tree.put("gain", change.gain(objective));
        tree.put("verdict", change.answer(objective).words());
        return tree;
    }

    private static Map<String, Object> pools(Verdict.PoolBound b) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("attention_device_ms", b.attention());
        tree.put("expert_device_ms", b.expert());
        tree.put("apart_ms", b.apartMs());
        tree.put("together_ms", b.togetherMs());
        tree.put("together_plan", b.colocated().plan());
        tree.put("together_device_ms", b.colocated().work());
        tree.put("together_devices", b.colocated().devices());
        return tree;
    }

    private static Map<String, Object> bitIdentity(BitIdentity bits) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("cost", bits.cost());
        tree.put("best_identical", SimulationReport.tree(bits.identical().result()));
        tree.put("best_of_all", SimulationReport.tree(bits.best().result()));
        return tree;
    }

    private static String text(Ranges ranges, Verdict verdict, OutputFormat format) {
        SearchResult found = ranges.found();
        List<SimulationTable.Row> rows = new ArrayList<>();
        rows.add(row("best of all", found.best()));
        found.best(LayoutKind.MA).ifPresent(e -> rows.add(row("best " + LayoutKind.MA.label(), e)));
        for (LayoutKind kind : LayoutKind.values()) {
            if (!kind.separates()) {
                found.best(kind).ifPresent(e -> rows.add(row("best " + kind.label(), e)));
            }
        }
        Table table = SimulationTable.of(rows);
        if (format == OutputFormat.CSV) {
            return TableWriter.write(table, format);
        }
        SearchRequest request = found.request();
        boolean prices = rows.stream().anyMatch(r -> Double.isFinite(r.result().speed().pricePerMillionTokens()));
        StringBuilder text = new StringBuilder();
        List<String> sentences = verdict.sentences();
        text.append(SimulationFlags.description(found.best().result().simulation()))
                .append("\n\n")
                .append(wrapped(String.join(" ", sentences.subList(0, FIRST)), format))
                .append('\n');
        List<String> speed = new ArrayList<>(List.of("plan", "layout", "micro_batches", "tpot_ms",
                "tpot_low_ms", "tpot_high_ms", "bound_ms", "cluster_bound_ms", "tps", "regime"));
        if (request.goal().anyBatch()) {
            speed.add(3, "batch");
        }
        if (prices) {
            speed.add(speed.size() - 1, "price_per_million_tokens");
        }
        text.append(TableWriter.write(table.select(speed.toArray(String[]::new)), format)).append('\n');
        text.append(TableWriter.write(
                table.select("plan", "devices", "busy_attention", "busy_expert", "mbu", "mfu",
                        "memory_efficiency", "imbalance"),
                format))
                .append('\n');
        if (sentences.size() > FIRST) {
            text.append(wrapped(String.join(" ", sentences.subList(FIRST, sentences.size())), format)).append('\n');
        }
        ranges.bits().ifPresent(b -> text.append(wrapped(b.words(), format)).append('\n'));
        text.append(wrapped(
                "Everything here is simulated (docs/simulation.md). Bound: the busiest rank's bytes or operations at peak;"
                        + " any layout: the same of all devices together, whatever the layout. %d layouts, of which %d are not"
                                .formatted(found.candidates(), found.refused())
                        + " possible, %d were simulated%s".formatted(
                                found.simulated(),
                                found.untried().any() ? "." : " and the others cannot win, by their bounds.")
                        + " TPOT from and to: with every number of the cluster's profile off by its error at once (%s);"
                                .formatted(SimulationReport.errors(found.request().cluster()))
                        + " that moves all plans together, so ranges that overlap do not make plans equal."
                        + notTried(ranges, verdict)
                        + " Times of a layout in reproduce, compare and the README are of other assumptions, batches and contexts:"
                        + " each says which."
                        + " Kernel times: " + SimulationReport.kernelTimes(found.best().result()) + ".",
                format));
        return text.toString();
    }

    private static SimulationTable.Row row(String label, Evaluation e) {
        return new SimulationTable.Row(label, e.result());
    }

    private static String wrapped(String words, OutputFormat format) {
        if (format == OutputFormat.MD) {
            return words + "\n";
        }
        StringBuilder text = new StringBuilder();
        HelpText.wrapped(text, words, 0);
        return text.toString();
    }

    /** What a search tries of a choice: one, or any of them. */
    private static <M extends Enum<M> & Identified> Set<M> searched(
            Arguments arguments, String option, Class<M> modes, Set<M> usual) {
        Set<Set<M>> choices = new LinkedHashSet<>(Set.of(usual));
        EnumSet.allOf(modes).forEach(mode -> choices.add(EnumSet.of(mode)));
        choices.add(EnumSet.allOf(modes));
        return arguments.choice(option, usual, List.copyOf(choices),
                of -> of.size() > 1 ? "any" : of.iterator().next().id());
    }
}
