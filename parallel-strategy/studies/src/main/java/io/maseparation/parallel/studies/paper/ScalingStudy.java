package io.maseparation.parallel.studies.paper;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.present.chart.Axis;
import io.maseparation.parallel.present.chart.LineChart;
import io.maseparation.parallel.present.chart.Scale;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.studies.paper.Section.Figure;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Strong and weak scaling from one device to 1,024. */
final class ScalingStudy extends Study {
    private static final int WEAK = 16;
    private static final int LARGE = 1024;
    private static final int STEPS = 3;
    private static final int EXPERTS = 16;
    private static final String MA = "MA, best of its ratios";
    private static final String TENSOR_PIPELINE = "TP×PP×DP";
    private static final String EXPERT = "EP×DP";
    private static final List<String> NAMES = List.of(MA, TENSOR_PIPELINE, EXPERT);

    private final int[] devices;

    /** A way to grow: a batch for all devices together, or for each. */
    private record Growth(String name, int batch, boolean perDevice) {
        int batch(int devices) {
            return perDevice ? batch * devices : batch;
        }
    }

    private static final List<Growth> GROWTHS = List.of(
            new Growth("strong, batch " + Paper.BATCH, Paper.BATCH, false),
            new Growth("strong, batch " + LARGE, LARGE, false),
            new Growth("weak, %d sequences per device".formatted(WEAK), WEAK, true));

    private record Place(Growth growth, int devices, Family family) {}

    private record Sample(Place place, Point point, double efficiency) {}

    ScalingStudy(Context context) {
        super("scaling", context);
        devices = context.quick()
                ? new int[] {2, 16, 64}
                : IntStream.rangeClosed(1, 10).map(i -> 1 << i).toArray();
    }

    @Override
    int items() {
        return GROWTHS.size() * devices.length * families(devices[0]).size() + GROWTHS.size();
    }

    /**
     * Layouts on some devices. With more expert devices than experts these are split over two or four, or copied;
     * ratios are powers of two and 3:1.
     */
    private static List<Family> families(int n) {
        List<Setup> ma = new ArrayList<>();
        for (int experts : new int[] {n / 8, n / 4, n / 2, 3 * n / 4}) {
            for (int m = 1; m <= 2 && experts > 0 && experts < n; m++) {
                Layout.Separated layout = Layout.separated(n - experts, experts);
                int surplus = Math.max(1, Math.ceilDiv(experts, EXPERTS));
                ma.add(layout.withExpertReplicas(surplus).withMicroBatches(m));
                for (int parts = surplus == 1 ? 2 : 1; parts <= 4; parts *= 2) {
                    if (parts > 1) {
                        int copies = Math.max(1, Math.ceilDiv(experts / parts, EXPERTS));
                        ma.add(layout.withExpertTensorParallel(parts)
                                .withExpertReplicas(copies)
                                .withMicroBatches(m));
                    }
                }
            }
        }
        List<Setup> tp = new ArrayList<>();
        for (int slices = 2; slices <= Math.min(16, n); slices *= 2) {
            for (int stages = 1; stages <= 4 && slices * stages <= n; stages *= 2) {
                if (slices * stages >= Math.min(n, 8)) {
                    tp.add(Layout.tensorPipeline(slices, stages)
                            .withDataParallel(n / slices / stages)
                            .withMicroBatches(stages));
                }
            }
        }
        List<Setup> ep = new ArrayList<>();
        for (int slices : new int[] {1, 8}) {
            Layout.ExpertParallel layout = Layout.expertParallel(Math.min(n, EXPERTS))
                    .withDataParallel(Math.max(1, n / EXPERTS))
                    .withAttentionTensorParallel(slices);
            ep.add(layout.withMicroBatches(1));
        }
        return List.of(new Family(MA, ma), new Family(TENSOR_PIPELINE, tp), new Family(EXPERT, ep));
    }

    private Scenario scenario(int batch) {
        // Not remembered: batches are many and large, and each is used by a handful of layouts.
        return context.scenario(Assumptions.USUAL, batch, Paper.CONTEXT, RoutingModel.uniform())
                .withSteps(STEPS, 1);
    }

    @Override
    List<Section> run() {
        ModelConfig config = context.model();
        List<Double> one = context.sweep().map(GROWTHS, g -> oneDeviceMs(config, g.batch(1)));
        List<Place> places = new ArrayList<>();
        // The largest first, so that no thread is left alone with one of them at the end.
        for (int i = devices.length - 1; i >= 0; i--) {
            for (Growth growth : GROWTHS) {
                for (Family family : families(devices[i])) {
                    places.add(new Place(growth, devices[i], family));
                }
            }
        }
        List<Sample> samples = context.sweep().map(places, place -> {
            Optional<Point> point = place.family().fastest(context.sweep(), config,
                    Fleet.unlimited(Fleet.of(context.cluster(), place.devices())),
                    scenario(place.growth().batch(place.devices())));
            double first = one.get(GROWTHS.indexOf(place.growth()));
            return point.map(p -> new Sample(place, p, efficiency(place, first, p.tpotMs())));
        }).stream().flatMap(Optional::stream)
                .sorted(Comparator.comparingInt((Sample s) -> GROWTHS.indexOf(s.place().growth()))
                        .thenComparingInt(s -> NAMES.indexOf(s.place().family().name()))
                        .thenComparingInt(s -> s.place().devices()))
                .toList();
        List<Figure> figures = new ArrayList<>();
        for (Growth growth : GROWTHS) {
            figures.add(Figure.of(chart(growth, samples), "Scaling, %s.".formatted(growth.name())));
        }
        return List.of(new Section(
                "Scaling to 1,024 GPUs",
                List.of("Strong scaling efficiency is T(1) / (N T(N)) for one batch on all GPUs, weak scaling efficiency"
                        + " T(1) / T(N) with as many sequences for each GPU, T being the TPOT. All GPUs have"
                        + " unlimited memory here, since a single one could not hold a large batch. Each line is the fastest of some"
                        + " layouts at each number of GPUs. Weak scaling is far above 100 % here: one GPU with few"
                        + " sequences reads all experts for them; sixteen share that work."),
                findings(samples), figures, "scaling.csv", table(samples)));
    }

    private static double efficiency(Place place, double oneMs, double tpotMs) {
        return oneMs / tpotMs / (place.growth().perDevice() ? 1 : place.devices());
    }

    /** TPOT of a single device with unlimited memory. */
    private double oneDeviceMs(ModelConfig config, int batch) {
        Cluster one = Fleet.unlimited(Fleet.of(context.cluster(), 1));
        return context.sweep()
                .simulate(config, Layout.single().withMicroBatches(1), one, scenario(batch))
                .orElseThrow()
                .tpotMs();
    }

    private LineChart chart(Growth growth, List<Sample> samples) {
        LineChart chart = new LineChart(
                (growth.perDevice() ? "Weak scaling, " : "Strong scaling, ")
                        + growth.name().replaceFirst("^[a-z]+, ", ""),
                new Axis("GPUs", "", Scale.LOG2),
                new Axis("scaling efficiency", "%", Scale.LINEAR))
                .note(context.note() + "; context " + Paper.CONTEXT);
        for (String family : NAMES) {
            List<Sample> of = samples.stream()
                    .filter(s -> s.place().growth().equals(growth)
                            && s.place().family().name().equals(family))
                    .toList();
            chart.series(family, of, s -> s.place().devices(), s -> 100 * s.efficiency(),
                    s -> "%s, TPOT %s".formatted(s.point().name(), Numbers.ms(s.point().tpotMs())));
        }
        return chart.horizontal(100 * Paper.SCALING_EFFICIENCY, "claimed at 16 GPUs: 87 %");
    }

    private List<String> findings(List<Sample> samples) {
        List<String> findings = new ArrayList<>();
        for (Growth growth : GROWTHS) {
            for (int n : new int[] {Paper.DEVICES, devices[devices.length - 1]}) {
                String found = samples.stream()
                        .filter(s -> s.place().growth().equals(growth) && s.place().devices() == n)
                        .map(s -> "%s %s (%s)".formatted(
                                s.place().family().name(), Numbers.share(s.efficiency()), s.point().name()))
                        .collect(Collectors.joining("; "));
                findings.add("Efficiency at %d GPUs, %s: %s.".formatted(n, growth.name(), found));
            }
        }
        return findings;
    }

    private static Table table(List<Sample> samples) {
        return Table.of(samples,
                column("growth", "growth", Unit.PLAIN, s -> s.place().growth().name()),
                column("family", "family", Unit.PLAIN, s -> s.place().family().name()),
                column("devices", "GPUs", Unit.COUNT, s -> s.place().devices()),
                column("batch", "batch", Unit.COUNT, s -> s.place().growth().batch(s.place().devices())),
                column("layout", "layout", Unit.PLAIN, s -> s.point().name()),
                column("tpot_ms", "TPOT", Unit.MILLISECONDS, s -> s.point().tpotMs()),
                column("tps", "TPS", Unit.NUMBER, s -> s.point().tps()),
                column("scaling_efficiency", "scaling efficiency", Unit.PERCENT, Sample::efficiency));
    }
}
