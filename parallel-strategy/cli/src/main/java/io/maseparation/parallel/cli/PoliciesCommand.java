package io.maseparation.parallel.cli;

import io.maseparation.files.Json;
import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.adapt.ChangeRule;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.LayoutSize;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.studies.policies.BalancingPolicy;
import io.maseparation.parallel.studies.policies.MigrationModel;
import io.maseparation.parallel.studies.policies.PolicyCharts;
import io.maseparation.parallel.studies.policies.PolicyComparison;
import io.maseparation.parallel.studies.policies.PolicyReport;
import io.maseparation.parallel.studies.policies.PolicyScenario;
import io.maseparation.parallel.studies.policies.PolicyStudy;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** {@code ma policies}: policies of balancing over long traces. */
final class PoliciesCommand extends Command {
    private static final String OUTPUT = "output";
    private static final String POLICY = "policy";
    private static final String GROWTH = "context-growth";
    private static final String SPARE = "spare-slots";
    private static final String SHARE = "copy-share";
    private static final String PAUSE = "switch-pause-ms";
    private static final String INTERVAL = "rebalance-interval";
    private static final String HORIZON = "rebalance-horizon";
    private static final int DEFAULT_BATCH = 4096;
    private static final int DEFAULT_CONTEXT = 64;
    private static final int DEFAULT_DEVICES = 4;
    private static final int DEFAULT_MICRO_BATCHES = 2;
    private static final String DEFAULT_ROUTING = "zipf:1.2";

    /** Options that describe a trace of one's own. */
    private static final List<String> OWN = List.of(SimulationFlags.MODEL, SimulationFlags.CLUSTER,
            SimulationFlags.BATCH,
            SimulationFlags.CONTEXT, GROWTH, SimulationFlags.TOP_K, SimulationFlags.LAUNCH, SimulationFlags.ROUTING,
            SimulationFlags.NO_LM_HEAD, FlagNames.option(LayoutSize.ATTENTION_DEVICES.id()),
            FlagNames.option(LayoutSize.EXPERT_DEVICES.id()),
            StrategyFlags.MICRO_BATCHES, SPARE);

    PoliciesCommand() {
        super("policies", "compare policies of balancing experts over long simulated traces");
        example("policies -o ma-policies", "the ten traces of docs/balancing.md, with charts");
        example("policies --routing drift:1.2:256 --steps 1024 --policy replicas,dynamic",
                "a trace of your own: other experts are popular every 256 steps");
        example("policies --batch 64 --micro-batches 1 --context 64 --context-growth 1 --policy elastic "
                + "--format json", "contexts that grow, for a program to read");
        note("Without options that describe a trace of your own (from --model on), ten are compared: five kinds of load, each"
                + " with a batch that makes experts compute and with one that makes them read weights.");
        note("Every policy sees the same tokens go to the same experts, and none knows those to come. Copies and pauses are"
                + " charged. The bound holds wherever experts are; the gap recovered is the share of the way from"
                + " static to it. Everything is simulated; what is modelled and what is left out: docs/balancing.md.");
    }

    @Override
    void addOptions(OptionList options) {
        options.value(POLICY, "NAME,…", "policies beside static, separated by commas: "
                + Stream.of(BalancingPolicy.values()).skip(1).map(BalancingPolicy::id).collect(Collectors.joining(", "))
                + " [all]");
        options.value("o", OUTPUT, "DIR",
                "also write a report there: %s, one chart per trace as SVG, and the numbers as CSV"
                        .formatted(PolicyCharts.PAGE));
        options.value(SimulationFlags.STEPS, "N",
                "decode steps of a trace, the warm-up of two intervals included [" + PolicyStudy.STEPS + "]");
        options.value("s", SimulationFlags.SEED, "N", "seed of the routing [0]");
        options.value(INTERVAL, "N",
                "steps from one look to the next; changes are at least as far apart ["
                        + ChangeRule.Settings.DEFAULT_INTERVAL + "]");
        options.value(HORIZON, "N",
                "most steps that the gain of a change is counted over [" + ChangeRule.Settings.DEFAULT_HORIZON + "]");
        options.value(SHARE, "X",
                "share of the links that copying takes from the steps that run meanwhile ["
                        + MigrationModel.DEFAULT_SHARE + "]");
        options.value(PAUSE, "X",
                "time without a step at each change, in milliseconds ["
                        + MigrationModel.DEFAULT_PAUSE_SECONDS * 1e3 + "]");
        options.value("m", SimulationFlags.MODEL, "DIR|PRESET",
                "model of a trace of your own [" + PolicyStudy.MODEL + "]");
        options.value(SimulationFlags.CLUSTER, "NAME|FILE",
                "its devices and links [" + PolicyStudy.CLUSTER + "]");
        options.value(FlagNames.option(LayoutSize.ATTENTION_DEVICES.id()), "N",
                "ranks with attention that it begins with [" + DEFAULT_DEVICES + "]");
        options.value(FlagNames.option(LayoutSize.EXPERT_DEVICES.id()), "N",
                "ranks with experts that it begins with [" + DEFAULT_DEVICES + "]");
        options.value(StrategyFlags.MICRO_BATCHES, "N",
                "parts of the batch in flight at once [" + DEFAULT_MICRO_BATCHES + "]");
        options.value(SPARE, "N",
                "slots of each expert device for replicas, beside those that hold every expert once ["
                        + PolicyStudy.SPARE_SLOTS + "]");
        options.value(SimulationFlags.BATCH, "N",
                "sequences over all ranks [" + DEFAULT_BATCH + "]");
        options.value(SimulationFlags.CONTEXT, "N",
                "positions that a token of the first step attends to [" + DEFAULT_CONTEXT + "]");
        options.value(GROWTH, "N",
                "positions that every sequence gains per step: 1 for sequences that go on, 0 where others follow those that"
                        + " end [0]");
        options.value(SimulationFlags.ROUTING, "NAME|FILE",
                SimulationFlags.ROUTINGS + " [" + DEFAULT_ROUTING + "]");
        options.value(SimulationFlags.TOP_K, "K",
                "experts that each token visits, instead of the model's number");
        options.value(SimulationFlags.LAUNCH, "NAME",
                "how operations are started: graph (captured) or eager (one by one) [graph]");
        options.flag(SimulationFlags.NO_LM_HEAD, "leave out the final norm and the logits");
        OutputFlags.add(options);
    }

    @Override
    void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        List<BalancingPolicy> policies = policies(arguments);
        PolicyStudy.Settings settings = settings(arguments);
        List<PolicyScenario> scenarios;
        try {
            scenarios = OWN.stream().anyMatch(arguments::has)
                    ? List.of(own(arguments, settings))
                    : PolicyStudy.scenarios(settings);
        } catch (PlanException e) {
            throw new UsageException(FlagNames.translate(e.getMessage()));
        }
        Optional<Path> folder = arguments.path(OUTPUT)
                .map(name -> OutputFlags.folder(OUTPUT, name, PolicyCharts.files(scenarios)));
        List<PolicyComparison> comparisons;
        try (Progress progress = terminal.progress(
                "policies", scenarios.stream().mapToLong(PolicyComparison::blocks).sum())) {
            comparisons = PolicyStudy.run(
                    scenarios, policies, Runtime.getRuntime().availableProcessors(), progress::step);
        }
        OutputFlags.both(
                () -> folder.ifPresent(f -> PolicyCharts.write(comparisons, f)),
                () -> terminal.results(text(comparisons, format), format));
        folder.ifPresent(f -> terminal.err().println("wrote " + f.resolve(PolicyCharts.PAGE)));
    }

    private static String text(List<PolicyComparison> comparisons, OutputFormat format) {
        Table table = PolicyReport.table(comparisons);
        return switch (format) {
            case JSON -> Json.write(PolicyReport.tree(comparisons, FlagNames::translate));
            case CSV -> TableWriter.write(table, format);
            default -> TableWriter.write(table, format)
                    + "\nSimulated, not measured; docs/balancing.md says what is modelled and what is left out.\n\n"
                    + summary(comparisons);
        };
    }

    private static String summary(List<PolicyComparison> comparisons) {
        StringBuilder text = new StringBuilder();
        HelpText.wrapped(text, String.join(" ", PolicyReport.summary(comparisons)), 0);
        return text.toString();
    }

    private static List<BalancingPolicy> policies(Arguments arguments) {
        List<BalancingPolicy> all = List.of(BalancingPolicy.values());
        List<String> ids = all.stream().map(BalancingPolicy::id).toList();
        return arguments.text(POLICY)
                .map(text -> Arrays.stream(text.split(",", -1))
                        .map(name -> {
                            int index = ids.indexOf(name.strip());
                            if (index < 0) {
                                throw new UsageException("--%s: there is no '%s'; there are %s"
                                        .formatted(POLICY, name.strip(), String.join(", ", ids)));
                            }
                            return all.get(index);
                        })
                        .toList())
                .orElse(all);
    }

    private static PolicyStudy.Settings settings(Arguments arguments) {
        int interval =
                arguments.integer(INTERVAL, ChangeRule.Settings.DEFAULT_INTERVAL, 1, 1 << 16);
        int warmup = PolicyStudy.WARMUP_INTERVALS * interval;
        int steps = arguments.integer(SimulationFlags.STEPS, PolicyStudy.STEPS, 1, 1_000_000);
        if (steps <= warmup) {
            throw new UsageException("--%s %d ends with the warm-up of %d steps; more are needed"
                    .formatted(SimulationFlags.STEPS, steps, warmup));
        }
        double share = arguments.number(SHARE, MigrationModel.DEFAULT_SHARE);
        if (!(share > 0 && share < 1)) {
            throw new UsageException("--%s must be above 0 and below 1, is %s".formatted(SHARE, share));
        }
        double pause = arguments.number(PAUSE, MigrationModel.DEFAULT_PAUSE_SECONDS * 1e3);
        if (pause < 0) {
            throw new UsageException("--%s must be at least 0, is %s".formatted(PAUSE, pause));
        }
        return new PolicyStudy.Settings(
                steps,
                arguments.seed(SimulationFlags.SEED),
                ChangeRule.Settings.of(
                        interval,
                        arguments.integer(HORIZON, ChangeRule.Settings.DEFAULT_HORIZON, 1, Integer.MAX_VALUE)),
                new MigrationModel(share, pause / 1e3));
    }

    private static PolicyScenario own(Arguments arguments, PolicyStudy.Settings settings) {
        ModelConfig config = SimulationFlags.model(arguments, Optional.empty(), PolicyStudy.MODEL);
        Layout.Separated layout = Layout.separated(
                devices(arguments, LayoutSize.ATTENTION_DEVICES), devices(arguments, LayoutSize.EXPERT_DEVICES));
        Setup setup = layout.withMicroBatches(StrategyFlags.microBatches(arguments, DEFAULT_MICRO_BATCHES));
        Scenario first = Scenario.decode(
                arguments.integer(SimulationFlags.BATCH, DEFAULT_BATCH, 1, 1 << 20),
                arguments.integer(SimulationFlags.CONTEXT, DEFAULT_CONTEXT, 1, Integer.MAX_VALUE))
                .with(SimulationFlags.conditions(arguments))
                .withRouting(
                        SimulationFlags.routing(arguments, config, DEFAULT_ROUTING),
                        arguments.seed(SimulationFlags.SEED));
        return new PolicyScenario(
                first.routing().description(),
                new Simulation(
                        Planning.plan(config, setup),
                        arguments.named(SimulationFlags.CLUSTER, PolicyStudy.CLUSTER, Clusters::named),
                        first),
                arguments.integer(GROWTH, 0, 0, 1 << 16),
                settings.steps(),
                settings.warmup(),
                layout.expertDevices() * arguments.integer(SPARE, PolicyStudy.SPARE_SLOTS, 0, 1 << 12),
                settings.rule(),
                settings.migration());
    }

    private static int devices(Arguments arguments, LayoutSize size) {
        return arguments.integer(FlagNames.option(size.id()), DEFAULT_DEVICES, 1, 1024);
    }
}
