package io.maseparation.parallel.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.Presets;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Segment;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.ClusterFile;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.simulate.Conditions;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The simulator against steps that were measured on GPUs, with the profiles of the same processes: docs/performance.md
 * says how far off it is, and it must not get worse.
 */
class MeasuredLayoutsTest {
    private static final Path DOCS = Path.of("../../docs");
    private static final int BATCH = 24;
    /** When this was measured, the rows of all micro-batches went to the device and back with each of them. */
    private static final double WHOLE_ARRAYS = 0.05;

    /** Measured times and errors are printed with two or three digits. */
    private static final double ROUNDING = 0.01;

    /**
     * A row of the table.
     *
     * @param cells layout, then measured time, simulated time and error on PTX, and the same on CUDA
     */
    private record Row(List<String> cells) {
        double measuredMs(int backend) {
            return Double.parseDouble(cells.get(1 + 3 * backend));
        }

        double error(int backend) {
            return Double.parseDouble(cells.get(3 + 3 * backend).replace('−', '-').replace("%", "").strip()) / 100;
        }
    }

    private static List<Row> rows() throws IOException {
        List<String> lines = Files.readAllLines(DOCS.resolve("performance.md"));
        int heading = lines.indexOf("| layout | PTX | simulated | error | CUDA | simulated | error |");
        assertThat(heading).as("line of the table's heading").isPositive();
        return lines.subList(heading + 2, lines.size()).stream()
                .takeWhile(line -> line.startsWith("|"))
                .map(line -> new Row(Arrays.stream(line.split("\\|", -1)).skip(1).map(String::strip).toList()))
                .toList();
    }

    /** When this was measured, every layer without a message to the next one was a graph, and so were the logits. */
    private static Plan asMeasured(Plan plan) {
        List<RankPlan> ranks = new ArrayList<>();
        for (RankPlan rank : plan.ranks()) {
            List<Segment> segments = new ArrayList<>();
            List<Op> program = new ArrayList<>();
            for (Op op : rank.program()) {
                if (op instanceof Op.Compute(String name)) {
                    Segment segment = rank.segments().stream().filter(s -> s.name().equals(name)).findFirst()
                            .orElseThrow();
                    for (Segment graph : graphs(segment)) {
                        segments.add(graph);
                        program.add(new Op.Compute(graph.name()));
                    }
                } else {
                    program.add(op);
                }
            }
            ranks.add(new RankPlan(rank.rank(), rank.role(), rank.shard(), rank.group(), segments, program));
        }
        return new Plan(plan.setup(), plan.config(), ranks, plan.placement(), plan.groups(), plan.devices());
    }

    private static List<Segment> graphs(Segment segment) {
        List<Segment> graphs = new ArrayList<>(segment.layers());
        Segment last = graphs.getLast();
        if (graphs.size() > 1 && last.parts().getLast() instanceof Part.Output) {
            graphs.removeLast();
            graphs.add(new Segment(last.name(), last.parts().subList(0, last.parts().size() - 1)));
            graphs.add(new Segment("output", List.of(new Part.Output())));
        }
        return graphs;
    }

    /**
     * PTX was simulated by ma calibrate, in the middle of its runs and with the run's formats; CUDA by ma simulate with
     * its own formats, at the context that is given beside the raw output.
     */
    @ParameterizedTest
    @CsvSource({"0, h100x2-ptx, 2030, F32, 4", "1, h100-cuda, 2018, F16, 2"})
    void errorsAreNoLargerThanStated(int backend, String profile, int context, DataType kvType, int activationBytes)
            throws IOException {
        Cluster cluster = ClusterFile.read(DOCS.resolve("results/" + profile + "-2026-11-27.json"));
        Scenario scenario = Scenario.decode(BATCH, context)
                .with(Conditions.USUAL.withFormats(kvType, activationBytes));
        List<Setup> layouts = SimulationCheck.layouts();
        List<Row> rows = rows();
        assertThat(rows).hasSameSizeAs(layouts);
        for (int i = 0; i < rows.size(); i++) {
            Setup setup = layouts.get(i);
            String name = rows.get(i).cells().getFirst();
            assertThat(setup.layout().strategy().id()).startsWith(name.split(" ", -1)[0]);
            double simulated =
                    new Simulation(asMeasured(Planning.plan(Presets.config("seed"), setup)), cluster, scenario)
                            .run(false)
                            .tpotMs();
            assertThat(Math.abs(simulated / rows.get(i).measuredMs(backend) - 1))
                    .as("%s on %s: %.2f ms simulated, %.1f ms measured", name, profile, simulated,
                            rows.get(i).measuredMs(backend))
                    .isLessThanOrEqualTo(Math.abs(rows.get(i).error(backend)) + ROUNDING
                            + (setup.batching().microBatches() > 1 ? WHOLE_ARRAYS : 0));
        }
    }
}
