package io.maseparation.parallel.cli;

import io.maseparation.parallel.layout.Batching;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.LayoutSize;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Schedule;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.layout.Strategy;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The layout: {@code --strategy} and its sizes. */
final class StrategyFlags {
    private static final int MOST_RANKS = 4096;
    private static final String STRATEGY = "strategy";
    private static final String SCHEDULE = "schedule";
    private static final String PLAN = "plan";
    static final String COMBINE = CombineMode.NAME;
    static final String DISPATCH = Dispatch.NAME;
    private static final String GPUS_PER_NODE = "gpus-per-node";
    private static final int DEFAULT_GPUS_PER_NODE = 8;
    /** Parts of the batch. */
    static final String MICRO_BATCHES = FlagNames.option(Batching.MICRO_BATCHES);

    private StrategyFlags() {}

    static void add(OptionList options) {
        options.value(STRATEGY, "NAME", "single, tp-pp, ep or ma [single]");
        for (LayoutSize size : LayoutSize.values()) {
            options.value(FlagNames.option(size.id()), "N", description(size));
        }
        addBatching(options, "1");
        options.value(COMBINE, "NAME",
                "ma, ep: what experts send back: experts, one row each, for a single device's bits; or sums, one row per"
                        + " rank, rounded in another order [experts]");
        addDispatch(options);
    }

    static void addDispatch(OptionList options) {
        options.value(DISPATCH, "NAME",
                "ma, ep: how a row gets to its experts: direct, sent to each of their ranks; or node, sent to a node once"
                        + " and forwarded inside it [direct]");
    }

    /** {@code --gpus-per-node}, where no cluster says which devices are of a node. */
    static void addNodes(OptionList options) {
        options.value(GPUS_PER_NODE, "N",
                "ranks that count as one node for --%s node [%d]".formatted(DISPATCH, DEFAULT_GPUS_PER_NODE));
    }

    /**
     * The node of each rank where no cluster says it.
     *
     * @throws UsageException if it makes no difference
     */
    static IntUnaryOperator nodes(Arguments arguments) {
        if (arguments.has(GPUS_PER_NODE) && mode(arguments) == Dispatch.Mode.DIRECT) {
            throw new UsageException("--%s needs --%s node".formatted(GPUS_PER_NODE, DISPATCH));
        }
        int perNode = arguments.integer(GPUS_PER_NODE, DEFAULT_GPUS_PER_NODE, 1, MOST_RANKS);
        return rank -> rank / perNode;
    }

    /** {@code --plan}, which stands instead of all of these. */
    static void addPlan(OptionList options) {
        options.value(PLAN, "FILE",
                "plan file with strategy, sizes and devices (docs/plan-file.md), instead of the options for those");
    }

    private static String description(LayoutSize size) {
        return switch (size) {
            case ATTENTION_DEVICES -> "ma: ranks with attention, each with its own sequences [1]";
            case EXPERT_DEVICES -> "ma: ranks with experts [1]";
            case ATTENTION_TENSOR_PARALLEL_SIZE -> "ma, ep: ranks that split the heads of the same sequences [1]";
            case EXPERT_TENSOR_PARALLEL_SIZE -> "ma: ranks that split the width of the same experts [1]";
            case EXPERT_REPLICAS -> "ma: copies of all experts among the expert ranks [1]";
            case TENSOR_PARALLEL_SIZE -> "tp-pp: ranks that split heads and expert width [2, or 1 with more than one stage]";
            case PIPELINE_PARALLEL_SIZE -> "tp-pp: stages that the layers are divided into [1]";
            case EXPERT_PARALLEL_SIZE -> "ep: ranks that share out the experts [2]";
            case DATA_PARALLEL_SIZE -> "tp-pp, ep: copies of the layout, each with its own sequences [1]";
        };
    }

    /** Micro-batches and schedule, which all strategies have. */
    static void addBatching(OptionList options, String microBatches) {
        options.value(MICRO_BATCHES, "N", "parts of the batch in flight at once [" + microBatches + "]");
        options.value(SCHEDULE, "NAME",
                "async: a rank that waits works on another micro-batch; barrier: it waits [async]");
    }

    /** Whether a command line names a plan file. */
    static boolean namesPlan(List<String> args) {
        return args.stream().anyMatch(arg -> arg.equals("--" + PLAN) || arg.startsWith("--" + PLAN + "="));
    }

    /** Names of the options that a plan file stands instead of. */
    static List<String> layoutOptions() {
        return Stream.concat(
                Stream.of(STRATEGY, SCHEDULE, MICRO_BATCHES, COMBINE, DISPATCH, GPUS_PER_NODE),
                Stream.of(LayoutSize.values()).map(s -> FlagNames.option(s.id())))
                .toList();
    }

    /**
     * The plan file that was asked for.
     *
     * @throws UsageException if an option for the layout is there too
     */
    static Optional<Path> planFile(Arguments arguments) {
        if (arguments.has(PLAN)) {
            layoutOptions().stream()
                    .filter(arguments::has)
                    .forEach(name -> {
                        throw new UsageException(
                                "--%s with --%s: the plan says it already; leave one of them out".formatted(name,
                                        PLAN));
                    });
        }
        return arguments.path(PLAN);
    }

    /**
     * The layout that was asked for.
     *
     * @throws UsageException if a size belongs to another strategy or is not a count
     */
    static Setup read(Arguments arguments) {
        return read(arguments, nodes(arguments));
    }

    /** The same, where the node of each rank is known. */
    static Setup read(Arguments arguments, IntUnaryOperator nodeOf) {
        Strategy strategy =
                arguments.choice(STRATEGY, Strategy.SINGLE, List.of(Strategy.values()), Strategy::id);
        Map<LayoutSize, Integer> sizes = new EnumMap<>(LayoutSize.class);
        for (LayoutSize size : LayoutSize.values()) {
            String name = FlagNames.option(size.id());
            if (arguments.has(name) && !size.belongsTo(strategy)) {
                String owners = Stream.of(Strategy.values())
                        .filter(size::belongsTo)
                        .map(Strategy::id)
                        .sorted(Comparator.reverseOrder())
                        .collect(Collectors.joining(" or "));
                throw new UsageException("--%s needs --strategy %s; the strategy is %s%s".formatted(
                        name, owners, strategy.id(), arguments.has(STRATEGY) ? "" : " where none is given"));
            }
            if (size.belongsTo(strategy)) {
                sizes.put(size, count(arguments, size, absent(size, arguments)));
            }
        }
        CombineMode combine = arguments.choice(
                COMBINE, CombineMode.EXPERTS, List.of(CombineMode.values()), CombineMode::id);
        Layout layout;
        try {
            layout = Layout.of(strategy, sizes).withCombine(combine);
            layout.checkSizes();
            layout = dispatched(arguments, layout, nodeOf);
        } catch (PlanException e) {
            throw new UsageException(FlagNames.translate(e.getMessage()));
        }
        return new Setup(layout, new Batching(microBatches(arguments, 1), schedule(arguments)));
    }

    /**
     * A layout with the dispatch that was asked for.
     *
     * @throws PlanException if it has none
     */
    static Layout dispatched(Arguments arguments, Layout layout, IntUnaryOperator nodeOf) {
        return mode(arguments) == Dispatch.Mode.NODE
                ? layout.withDispatch(Dispatch.byNode(layout.ranks(), nodeOf))
                : layout;
    }

    private static Dispatch.Mode mode(Arguments arguments) {
        return arguments.choice(
                DISPATCH, Dispatch.Mode.DIRECT, List.of(Dispatch.Mode.values()), Dispatch.Mode::id);
    }

    /** What holds where a size is not given: the least that the strategy makes sense with. */
    private static int absent(LayoutSize size, Arguments arguments) {
        return switch (size) {
            case TENSOR_PARALLEL_SIZE -> count(arguments, LayoutSize.PIPELINE_PARALLEL_SIZE, 1) > 1 ? 1 : 2;
            case EXPERT_PARALLEL_SIZE -> Math.max(2, count(arguments, LayoutSize.ATTENTION_TENSOR_PARALLEL_SIZE, 1));
            default -> 1;
        };
    }

    static int microBatches(Arguments arguments, int absent) {
        return arguments.integer(MICRO_BATCHES, absent, 1, Batching.MOST_MICRO_BATCHES);
    }

    static Schedule schedule(Arguments arguments) {
        return arguments.choice(SCHEDULE, Schedule.ASYNC, List.of(Schedule.values()), Schedule::id);
    }

    private static int count(Arguments arguments, LayoutSize size, int absent) {
        return arguments.integer(FlagNames.option(size.id()), absent, 1, MOST_RANKS);
    }
}
