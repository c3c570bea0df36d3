package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.layout.Role;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.present.chart.GanttChart;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.SimulationResult;
import io.maseparation.parallel.studies.paper.Section.Figure;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What ranks do in a step. */
final class StepStudy extends Study {
    private static final int BALANCED_BATCH = 1024;
    private static final int WARMUP = 2;
    private static final int STEPS = 3;
    /** The step that is drawn: all of it is in the steady state. */
    private static final int STEP = 3;

    private record Picked(Setup setup, int batch) {
        String title() {
            return "One step of %s, batch %d".formatted(setup.name(), batch);
        }
    }

    private static final List<Picked> PICKED = List.of(
            new Picked(Paper.THREE_TO_ONE.withMicroBatches(2), Paper.BATCH),
            new Picked(Paper.THREE_TO_ONE.withMicroBatches(2), BALANCED_BATCH),
            new Picked(Paper.BASELINE.withMicroBatches(1), Paper.BATCH),
            new Picked(Paper.BASELINE.withMicroBatches(2), Paper.BATCH));

    StepStudy(Context context) {
        super("one step", context);
    }

    @Override
    int items() {
        return PICKED.size();
    }

    @Override
    List<Section> run() {
        ModelConfig config = context.model();
        List<SimulationResult> results = context.sweep().map(PICKED, picked -> new Simulation(
                context.sweep().plan(config, picked.setup()),
                context.cluster(),
                context.scenario(picked.batch(), Paper.CONTEXT).withSteps(STEPS, WARMUP)).run(true));
        List<Figure> figures = new ArrayList<>();
        for (int i = 0; i < PICKED.size(); i++) {
            SimulationResult result = results.get(i);
            List<String> names = result.ranks().stream()
                    .map(r -> (r.role() == Role.BOTH ? "rank" : r.role().id()) + " " + r.rank())
                    .toList();
            figures.add(Figure.of(
                    new GanttChart(PICKED.get(i).title(), names, result.timeline())
                            .steps(STEP, STEP)
                            .note("%s; context %d; TPOT %s".formatted(
                                    context.note(), Paper.CONTEXT, Numbers.ms(result.tpotMs()))),
                    "%s: attention ranks compute %s of the time, expert ranks %s."
                            .formatted(PICKED.get(i).title(), Numbers.share(result.use().busyAttention()),
                                    Numbers.share(result.use().busyExpert()))));
        }
        return List.of(new Section(
                "What a step looks like",
                List.of("One row per rank: kernels above, transfers below, coloured by micro-batch. Only one step is shown;"
                        + " gaps at its ends are filled by the steps before and after."),
                List.of("At batch 24 the four expert GPUs of 12:4 read experts almost without a pause, twice for two"
                        + " micro-batches, and the twelve attention GPUs wait for them. At batch 1024 both pools are"
                        + " busy. TP8×PP2 with one micro-batch leaves one stage idle at any time; with two each stage"
                        + " always has one."),
                figures, "steps.csv", table(results)));
    }

    private static Table table(List<SimulationResult> results) {
        Table.Builder table = Table.builder()
                .column("picture", "picture", Unit.PLAIN)
                .column("rank", "rank", Unit.COUNT)
                .column("role", "role", Unit.PLAIN)
                .column("stream", "stream", Unit.PLAIN)
                .column("name", "name", Unit.PLAIN)
                .column("micro_batch", "micro-batch", Unit.COUNT)
                .column("step", "step", Unit.COUNT)
                .column("start_ns", "start", Unit.COUNT)
                .column("end_ns", "end", Unit.COUNT);
        for (int i = 0; i < PICKED.size(); i++) {
            for (TimelineEvent event : results.get(i).timeline()) {
                if (event.step() == STEP) {
                    table.row(PICKED.get(i).title(), event.rank(), results.get(i).ranks().get(event.rank()).role().id(),
                            event.stream().name().toLowerCase(Locale.ROOT), event.name(), event.microBatch(),
                            event.step(), event.startNanos(), event.endNanos());
                }
            }
        }
        return table.build();
    }
}
