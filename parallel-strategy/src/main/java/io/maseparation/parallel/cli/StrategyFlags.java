package io.maseparation.parallel.cli;

import io.maseparation.parallel.plan.Schedule;
import io.maseparation.parallel.plan.Strategy;
import io.maseparation.parallel.plan.StrategyOptions;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;

/** The layout: {@code --strategy} and its sizes. */
final class StrategyFlags {
    private static final int MOST_RANKS = 4096;
    private static final String STRATEGY = "strategy";
    private static final String ATTENTION = "attention-devices";
    private static final String EXPERTS = "expert-devices";
    private static final String TENSOR = "tensor-parallel-size";
    private static final String PIPELINE = "pipeline-parallel-size";
    private static final String EXPERT_PARALLEL = "expert-parallel-size";
    private static final String ATTENTION_TENSOR = "attention-tensor-parallel-size";
    private static final String EXPERT_TENSOR = "expert-tensor-parallel-size";
    private static final String MICRO_BATCHES = "micro-batches";
    private static final String SCHEDULE = "schedule";

    /** The strategy that each size belongs to. */
    private static final Map<String, Strategy> OWNERS = Map.of(
            ATTENTION, Strategy.MA,
            EXPERTS, Strategy.MA,
            ATTENTION_TENSOR, Strategy.MA,
            EXPERT_TENSOR, Strategy.MA,
            TENSOR, Strategy.TP_PP,
            PIPELINE, Strategy.TP_PP,
            EXPERT_PARALLEL, Strategy.EP);

    private StrategyFlags() {}

    static void add(Options options) {
        options.addOption(Option.builder().longOpt(STRATEGY).hasArg().argName("NAME")
                .desc("single, tp-pp, ep or ma [single]").get());
        size(options, ATTENTION, "ma: ranks with attention, each with its own sequences [1]");
        size(options, EXPERTS, "ma: ranks with experts [1]");
        size(options, TENSOR, "tp-pp: ranks that split heads and expert width [2, or 1 with more than one stage]");
        size(options, PIPELINE, "tp-pp: stages that the layers are divided into [1]");
        size(options, EXPERT_PARALLEL, "ep: ranks that share out the experts [2]");
        size(options, ATTENTION_TENSOR, "ma: ranks that split one attention rank's heads; only 1 so far");
        size(options, EXPERT_TENSOR, "ma: ranks that split one expert's width; only 1 so far");
        addBatching(options, "1");
    }

    /** Micro-batches and schedule, which all strategies have. */
    static void addBatching(Options options, String microBatches) {
        size(options, MICRO_BATCHES, "parts of the batch in flight at once [" + microBatches + "]");
        options.addOption(Option.builder().longOpt(SCHEDULE).hasArg().argName("NAME")
                .desc("async: a rank that waits works on another micro-batch; barrier: it waits [async]").get());
    }

    private static void size(Options options, String name, String description) {
        options.addOption(
                Option.builder().longOpt(name).hasArg().argName("N").desc(description).get());
    }

    /**
     * The layout that was asked for.
     *
     * @throws UsageException if a size belongs to another strategy or is not a count
     */
    static StrategyOptions read(Arguments arguments) {
        Strategy strategy =
                arguments.choice(STRATEGY, Strategy.SINGLE, List.of(Strategy.values()), Strategy::id);
        OWNERS.keySet().stream().sorted().filter(arguments::has).forEach(name -> {
            Strategy owner = OWNERS.get(name);
            if (owner != strategy) {
                throw new UsageException("--%s needs --strategy %s; the strategy is %s%s".formatted(
                        name, owner.id(), strategy.id(), arguments.has(STRATEGY) ? "" : " where none is given"));
            }
        });
        onlyOne(arguments, ATTENTION_TENSOR);
        onlyOne(arguments, EXPERT_TENSOR);
        StrategyOptions options =
                switch (strategy) {
                    case SINGLE -> StrategyOptions.single();
                    case TP_PP -> {
                        int pipeline = count(arguments, PIPELINE, 1);
                        yield StrategyOptions.tensorPipeline(
                                count(arguments, TENSOR, pipeline > 1 ? 1 : 2), pipeline);
                    }
                    case EP -> StrategyOptions.expertParallel(count(arguments, EXPERT_PARALLEL, 2));
                    case MA -> StrategyOptions.maSeparation(count(arguments, ATTENTION, 1),
                            count(arguments, EXPERTS, 1));
                };
        return options.withMicroBatches(microBatches(arguments, 1)).withSchedule(schedule(arguments));
    }

    static int microBatches(Arguments arguments, int absent) {
        return count(arguments, MICRO_BATCHES, absent);
    }

    static Schedule schedule(Arguments arguments) {
        return arguments.choice(
                SCHEDULE, Schedule.ASYNC, List.of(Schedule.values()), s -> s.name().toLowerCase(Locale.ROOT));
    }

    private static int count(Arguments arguments, String name, int absent) {
        return arguments.integer(name, absent, 1, MOST_RANKS);
    }

    private static void onlyOne(Arguments arguments, String name) {
        int size = count(arguments, name, 1);
        if (size != 1) {
            throw new UsageException(
                    "--%s %d: splitting inside MA's pools is not available yet; leave it out or use 1"
                            .formatted(name, size));
        }
    }
}
