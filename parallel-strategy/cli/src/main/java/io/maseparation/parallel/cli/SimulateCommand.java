package io.maseparation.parallel.cli;

import io.maseparation.files.Json;
import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cli.results.SimulationReport;
import io.maseparation.parallel.cli.results.SimulationTable;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.SimulationResult;
import io.maseparation.parallel.timeline.TraceFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code ma simulate}: one plan on a cluster. */
final class SimulateCommand extends Command {
    /** Ranks that people are shown one by one. */
    private static final int RANKS_SHOWN = 64;

    SimulateCommand() {
        super("simulate", "time one plan on a cluster that need not be here, event by event");
        example(
                "simulate --strategy ma --attention-devices 12 --expert-devices 4 --micro-batches 2",
                "MA Separation 12:4 for the model and cluster of the paper");
        example(
                "simulate --strategy tp-pp --tensor-parallel-size 8 --pipeline-parallel-size 2 --launch eager",
                "the paper's baseline, operations launched one by one");
        example(
                "simulate -m mixtral-8x7b --cluster h200x8 --strategy ep --expert-parallel-size 8 --batch 256 "
                        + "--routing zipf:1.2 --format json",
                "expert parallelism under skewed routing, for a program to read");
        note("Everything it prints is simulated. What is modelled and what is not: docs/simulation.md.");
        note("A plan that does not fit in memory is refused; the message says on which rank and by how much.");
    }

    @Override
    void addOptions(OptionList options) {
        SimulationFlags.add(options);
        options.value(SimulationFlags.BATCH, "N", "sequences over all ranks [24]");
        StrategyFlags.add(options);
        StrategyFlags.addPlan(options);
        TraceFlags.add(options);
        OutputFlags.add(options);
    }

    @Override
    void run(Arguments arguments, Terminal terminal) {
        OutputFormat format = OutputFlags.format(arguments);
        Optional<Path> planFile = StrategyFlags.planFile(arguments);
        Optional<Path> trace = TraceFlags.file(arguments);
        double limit = SimulationFlags.tpotLimitMs(arguments);
        Optional<PlanFile> given = planFile.map(PlanFile::read);
        Cluster cluster = SimulationFlags.cluster(arguments, given);
        Optional<Setup> setup = planFile.isPresent()
                ? Optional.empty()
                : Optional.of(StrategyFlags.read(
                        arguments, rank -> cluster.nodeOf(Math.min(rank, cluster.size() - 1))));
        ModelConfig config = SimulationFlags.model(arguments, given);
        Scenario scenario = SimulationFlags.scenario(arguments, config, given);
        Plan plan;
        try {
            plan = given.map(p -> p.toPlan(config)).orElseGet(() -> Planning.plan(config, setup.orElseThrow()));
        } catch (PlanException e) {
            throw planFile.isEmpty() ? e : new PlanException(planFile.get() + ": " + e.getMessage());
        }
        SimulationResult result = new Simulation(plan, cluster, scenario).run(trace.isPresent()).withRange();
        OutputFlags.both(
                () -> trace.ifPresent(file -> TraceFile.write(file, List.of(run(result)))),
                () -> terminal.results(switch (format) {
                    case JSON -> Json.write(tree(result, limit));
                    case CSV -> TableWriter.write(
                            SimulationTable.of(List.of(new SimulationTable.Row("given", result))), format);
                    default -> text(result, limit, format);
                }, format));
    }

    private static TraceFile.Run run(SimulationResult result) {
        return new TraceFile.Run(
                result.simulation().plan().layout().name() + ", simulated",
                result.ranks().stream().map(r -> r.role().id()).toList(),
                result.timeline());
    }

    private static Map<String, Object> tree(SimulationResult result, double limit) {
        Map<String, Object> tree = SimulationReport.tree(result);
        if (Double.isFinite(limit)) {
            tree.put("slo_tpot_ms", limit);
            tree.put("slo_kept", result.tpotMs() <= limit);
        }
        return tree;
    }

    private static String text(SimulationResult result, double limit, OutputFormat format) {
        Plan plan = result.simulation().plan();
        StringBuilder text = new StringBuilder();
        text.append(SimulationFlags.description(result.simulation())).append("\n\n");
        text.append("%s, %d micro-batch%s, devices %s\n\n".formatted(
                plan.layout().name(),
                plan.batching().microBatches(),
                plan.batching().microBatches() == 1 ? "" : "es",
                SimulationReport.devices(plan)));
        text.append(TableWriter.write(SimulationReport.metricsTable(result), format));
        if (Double.isFinite(limit)) {
            text.append("\nA TPOT of %s is %s.\n"
                    .formatted(Unit.MILLISECONDS.text(limit), result.tpotMs() <= limit ? "kept" : "NOT kept"));
        }
        if (result.ranks().size() <= RANKS_SHOWN) {
            text.append('\n').append(TableWriter.write(SimulationReport.ranks(result), format));
        } else {
            text.append("\nThe %d ranks are in --format json.\n".formatted(result.ranks().size()));
        }
        result.simulation().collectiveSources()
                .forEach((operation, source) -> text.append("\nTimes of %s: %s.\n".formatted(operation.id(), source)));
        text.append("\nSimulated, not measured; docs/simulation.md says what is modelled and what is left out.\n");
        return text.toString();
    }
}
