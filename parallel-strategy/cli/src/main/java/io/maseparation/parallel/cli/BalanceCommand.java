package io.maseparation.parallel.cli;

import io.maseparation.files.Json;
import io.maseparation.parallel.balance.BalanceProblem;
import io.maseparation.parallel.balance.BalanceResult;
import io.maseparation.parallel.balance.ExpertBalancer;
import io.maseparation.parallel.balance.LoadsFile;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code ma balance}: which GPU should hold which experts, given how much work each expert has. */
final class BalanceCommand extends Command {
    private static final String LOADS = "loads";
    private static final String GPUS = "gpus";
    private static final String SLOTS = "slots";
    private static final String NODES = "nodes";
    private static final String GROUPS = "groups";
    private static final int MOST_GPUS = 1024;
    private static final int MOST_SLOTS = 1 << 16;

    BalanceCommand() {
        super("balance", "place experts and their replicas on GPUs, given the load of each");
        example("balance --loads loads.json --gpus 8 --slots 16", "12 experts on 8 GPUs of 2 slots each");
        example("balance --loads loads.json --gpus 8 --slots 16 --nodes 2 --groups 4 --format json",
                "the same on 2 nodes, groups of 3 experts kept together, for a program to read");
        note("Replicas of an expert share its load evenly, and no GPU holds an expert twice. Imbalance is the largest over"
                + " the mean load of a GPU. Beside it stand a lower bound for every such placement, and what the greedy"
                + " algorithm of DeepSeek's EPLB gives, which may put two replicas on one GPU.");
        note("The search and the policies that use it while a model runs: docs/balancing.md.");
    }

    @Override
    void addOptions(OptionList options) {
        options.value(LOADS, "FILE",
                "JSON array of one load per expert (tokens, for instance), or an array of such arrays, one per layer");
        options.value(GPUS, "G", "GPUs that hold experts");
        options.value(SLOTS, "S",
                "experts held by all GPUs together, replicas included (not per GPU); a multiple of G [as few as hold"
                        + " every expert]");
        options.value(NODES, "N", "nodes that the GPUs are in, equally many each [1]");
        options.value(GROUPS, "K",
                "groups of neighbouring experts; if N divides K, a group and all its replicas stay on one node [1]");
        OutputFlags.add(options);
    }

    @Override
    void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        Path file = arguments.path(LOADS)
                .orElseThrow(() -> new UsageException("--%s FILE is needed; see ma help balance".formatted(LOADS)));
        int gpus = required(arguments, GPUS, MOST_GPUS);
        int nodes = arguments.integer(NODES, 1, 1, MOST_GPUS);
        int groups = arguments.integer(GROUPS, 1, 1, MOST_SLOTS);
        if (gpus % nodes != 0) {
            throw new UsageException("--gpus %d do not divide into --nodes %d".formatted(gpus, nodes));
        }
        int given = arguments.integer(SLOTS, 0, 1, MOST_SLOTS);
        if (given % gpus != 0) {
            throw new UsageException("--slots %d is not a multiple of --gpus %d".formatted(given, gpus));
        }
        LoadsFile loads = LoadsFile.read(file);
        int experts = loads.layers()[0].length;
        int slots = given > 0 ? given : (experts + gpus - 1) / gpus * gpus;
        check(experts, gpus, slots, nodes, groups);
        boolean hierarchical = nodes > 1 && groups % nodes == 0;
        List<BalanceResult> results = new ArrayList<>();
        try (Progress progress = terminal.progress("balancing", loads.layers().length)) {
            for (double[] layer : loads.layers()) {
                results.add(ExpertBalancer.balance(
                        BalanceProblem.of(layer, gpus, slots / gpus, hierarchical ? nodes : 1,
                                hierarchical ? groups : 1)));
                progress.step();
            }
        }
        Shape shape = new Shape(experts, gpus, slots, nodes, groups, hierarchical);
        terminal.results(switch (format) {
            case JSON -> Json.write(tree(shape, loads, results));
            case CSV -> TableWriter.write(gpus(shape, loads, results), format);
            default -> text(shape, loads, results, format);
        }, format);
    }

    /** What is placed where. */
    private record Shape(int experts, int gpus, int slots, int nodes, int groups, boolean hierarchical) {
        String policy() {
            return hierarchical ? "hierarchical" : "global";
        }
    }

    private static int required(Arguments arguments, String name, int most) {
        if (!arguments.has(name)) {
            throw new UsageException("--%s is needed; see ma help balance".formatted(name));
        }
        return arguments.integer(name, 1, 1, most);
    }

    /** Complains in terms of the options. */
    private static void check(int experts, int gpus, int slots, int nodes, int groups) {
        if (slots < experts) {
            throw new UsageException("--slots %d are fewer than the %d experts".formatted(slots, experts));
        }
        if (experts % groups != 0) {
            throw new UsageException("%d experts do not divide into --groups %d".formatted(experts, groups));
        }
        int ofNode = groups % nodes == 0 ? experts / nodes : experts;
        if (slots / gpus > ofNode) {
            throw new UsageException(
                    "--slots %d are %d on each of %d GPUs, but there are only %d different experts %s: no GPU holds one twice"
                            .formatted(slots, slots / gpus, gpus, ofNode, ofNode < experts ? "for a node" : "in all"));
        }
    }

    private static Map<String, Object> tree(Shape shape, LoadsFile loads, List<BalanceResult> results) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("policy", shape.policy());
        tree.put("experts", shape.experts());
        tree.put("gpus", shape.gpus());
        tree.put("slots", shape.slots());
        tree.put("nodes", shape.nodes());
        tree.put("groups", shape.groups());
        if (!loads.layered()) {
            tree.putAll(result(loads.layers()[0], results.getFirst()));
            return tree;
        }
        List<Map<String, Object>> layers = new ArrayList<>();
        for (int layer = 0; layer < results.size(); layer++) {
            layers.add(result(loads.layers()[layer], results.get(layer)));
        }
        tree.put("layers", layers);
        return tree;
    }

    private static Map<String, Object> result(double[] loads, BalanceResult result) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("assignment", Arrays.stream(result.placement().assignment()).boxed().toList());
        tree.put("replicas", Arrays.stream(result.placement().replicas()).boxed().toList());
        tree.put("imbalance", result.imbalance());
        tree.put("imbalance_bound", result.boundImbalance());
        tree.put("optimal", result.optimal());
        tree.put("imbalance_greedy", result.greedyImbalance());
        tree.put("greedy_has_duplicates", !result.greedy().isDistinct());
        tree.put("gpu_loads",
                Arrays.stream(result.placement().rankLoads(loads)).boxed().toList());
        return tree;
    }

    private static String text(Shape shape, LoadsFile loads, List<BalanceResult> results, OutputFormat format) {
        StringBuilder text = new StringBuilder();
        text.append("%d experts in %d slots on %d GPUs%s, %s\n\n".formatted(
                shape.experts(),
                shape.slots(),
                shape.gpus(),
                shape.nodes() > 1 ? " in %d nodes".formatted(shape.nodes()) : "",
                shape.hierarchical()
                        ? "hierarchical: %d groups, each on one node".formatted(shape.groups())
                        : "global: any expert on any GPU"));
        Table.Builder summary = Table.builder();
        layered(summary, loads)
                .column("imbalance", "imbalance", Unit.TEXT_RIGHT)
                .column("imbalance_bound", "lower bound", Unit.TEXT_RIGHT)
                .column("imbalance_greedy", "greedy (EPLB)", Unit.TEXT_RIGHT)
                .column("result", "result", Unit.PLAIN);
        for (int layer = 0; layer < results.size(); layer++) {
            BalanceResult r = results.get(layer);
            List<Object> row = new ArrayList<>(loads.layered() ? List.of(layer) : List.of());
            row.addAll(List.of(
                    ratio(r.imbalance()),
                    ratio(r.boundImbalance()),
                    ratio(r.greedyImbalance()),
                    (r.optimal()
                            ? "optimal"
                            : "within %.2f %% of the optimum".formatted(
                                    100 * (r.imbalance() / r.boundImbalance() - 1)))
                            + (r.greedy().isDistinct() ? "" : "; greedy puts an expert twice on a GPU")));
            summary.row(row.toArray());
        }
        text.append(TableWriter.write(summary.build(), format)).append('\n');
        text.append(TableWriter.write(gpus(shape, loads, results), format));
        return text.toString();
    }

    private static String ratio(double value) {
        return String.format(java.util.Locale.ROOT, "%.4f", value);
    }

    private static Table.Builder layered(Table.Builder table, LoadsFile loads) {
        return loads.layered() ? table.column("layer", "layer", Unit.COUNT) : table;
    }

    private static Table gpus(Shape shape, LoadsFile loads, List<BalanceResult> results) {
        Table.Builder table = Table.builder();
        layered(table, loads)
                .column("node", "node", Unit.COUNT)
                .column("gpu", "GPU", Unit.COUNT)
                .column("load", "load", Unit.NUMBER)
                .column("load_over_mean", "load / mean", Unit.NUMBER)
                .column("experts", "experts", Unit.PLAIN);
        for (int layer = 0; layer < results.size(); layer++) {
            double[] sums = results.get(layer).placement().rankLoads(loads.layers()[layer]);
            double mean = Arrays.stream(sums).sum() / sums.length;
            for (int gpu = 0; gpu < sums.length; gpu++) {
                List<Object> row = new ArrayList<>(loads.layered() ? List.of(layer) : List.of());
                row.addAll(List.of(
                        gpu / (shape.gpus() / shape.nodes()),
                        gpu,
                        sums[gpu],
                        mean == 0 ? Double.NaN : sums[gpu] / mean,
                        Arrays.stream(results.get(layer).placement().ofRank(gpu)).boxed().toList()));
                table.row(row.toArray());
            }
        }
        return table.build();
    }
}
