package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.Operation;
import io.maseparation.moe.AttentionSize;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.parallel.cluster.ShapeTimes;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankPlan;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * Measures tables of times by shape, with a model's own matrices, whole and halved: products by rows, decode attention
 * by rows and positions, experts by rows, width and how many of them are visited. It takes as long as it is given: what
 * is larger than there was time for is left to the fits.
 */
final class ShapeProbe implements AutoCloseable {
    /** More rows than the runs that the profile is checked with; more still if they are asked for. */
    private static final int MOST_ROWS = 64;

    /** Share of the free memory that caches of measurements may take. */
    private static final int MEMORY_PARTS = 8;

    /** Share of the time of a probe in which the JVM compiles. */
    private static final double WARM_UP = 0.25;

    private final ModelConfig config;
    private final ProbeRoom room;
    private final List<Part> parts = new ArrayList<>();
    private final List<TaskProbe> open = new ArrayList<>();
    private final Map<Operation, Map<List<Integer>, TreeMap<Double, Sum>>> sums = new EnumMap<>(Operation.class);

    /**
     * A probe to be made.
     *
     * @param held what it will hold
     * @param make makes it
     */
    private record Part(ProbeRoom.Held held, Supplier<TaskProbe> make) {}

    /** Sums of executions of one shape. */
    private static final class Sum {
        private double seconds;
        private double bytes;
        private double flops;
        private int executions;

        void add(OperationCost task, double took) {
            seconds += took;
            bytes += task.cost().bytes();
            flops += task.cost().flops();
            executions++;
        }

        ShapeTimes.Point point(double size) {
            return new ShapeTimes.Point(
                    size, Math.max(seconds / executions, 1e-8), bytes / executions, flops / executions);
        }
    }

    /**
     * @param device the device
     * @param weights the model
     * @param room checks the memory; its sizes are of steps that others measure: these have as many rows and
     *     positions, or more, as far as a part of the free memory goes
     * @param taken bytes of the free memory that others will take beside these
     */
    ShapeProbe(Device device, ModelWeights weights, ProbeRoom room, long taken) {
        config = weights.config();
        this.room = room;
        DeviceProbe.Sizes asked = room.sizes();
        int context = asked.contexts().getLast();
        DeviceProbe.Sizes sizes = DeviceProbe.Sizes.wide(config, asked.kvType(), mostRows(asked, taken), context);
        for (Layout layout : possible(List.of(Layout.single(), Layout.tensorPipeline(2, 1)))) {
            RankPlan rank = rank(layout, 0);
            parts.add(new Part(
                    new ProbeRoom.Held(rank.shard(), sizes.capacity()),
                    () -> new DeviceProbe(device, weights, rank, sizes, true)));
        }
        for (Layout layout : possible(List.of(
                Layout.separated(1, 1), Layout.separated(1, 2).withExpertTensorParallel(2)))) {
            RankPlan rank = rank(layout, 1);
            parts.add(new Part(
                    new ProbeRoom.Held(rank.shard(), ExpertProbe.CAPACITY),
                    () -> new ExpertProbe(device, weights, rank)));
        }
    }

    /** What all of it holds where it is kept on the device. */
    List<ProbeRoom.Held> held() {
        return parts.stream().map(Part::held).toList();
    }

    /**
     * Measures once more and keeps everything on the device; the first call is for the JVM to compile and counts not.
     *
     * @param seconds for all of it
     */
    void measure(double seconds) {
        boolean warmUp = open.isEmpty();
        if (warmUp) {
            parts.forEach(part -> open.add(part.make().get()));
        }
        for (TaskProbe probe : open) {
            pass(probe, seconds / open.size());
            if (warmUp) {
                probe.forget();
            }
        }
    }

    /**
     * Measures one after the other, where a device may not hold all at once.
     *
     * @param seconds for all of it
     */
    void measureInTurn(double seconds) {
        for (Part part : parts) {
            room.require(List.of(part.held()));
            measure(part, seconds / parts.size());
        }
    }

    /** A method of its own, after which nothing refers to the probe. */
    private void measure(Part part, double seconds) {
        try (TaskProbe probe = part.make().get()) {
            pass(probe, WARM_UP * seconds);
            probe.forget();
            pass(probe, (1 - WARM_UP) * seconds);
            probe.forEachTask(this::add);
        }
    }

    private static void pass(TaskProbe probe, double seconds) {
        long end = System.nanoTime() + (long) (seconds * 1e9);
        probe.measure(() -> System.nanoTime() > end);
    }

    private List<Layout> possible(List<Layout> layouts) {
        return layouts.stream().filter(layout -> {
            try {
                Planning.plan(config, layout);
                return true;
            } catch (PlanException e) {
                return false;
            }
        }).toList();
    }

    private RankPlan rank(Layout layout, int rank) {
        return Planning.plan(config, layout).ranks().get(rank);
    }

    private int mostRows(DeviceProbe.Sizes asked, long taken) {
        int positions = DeviceProbe.Sizes.wide(config, asked.kvType(), 1, asked.contexts().getLast())
                .contexts()
                .getLast();
        long row = (long) positions * config.layers().size() * asked.kvType().bytes()
                * AttentionSize.cachedElements(config, config.kvHeads());
        int most = Math.max(asked.mostRows(), MOST_ROWS);
        long free = Math.min(
                MemoryBudget.available() - taken, room.device().freeBytes().orElse(Long.MAX_VALUE));
        return Math.clamp(free / MEMORY_PARTS / Math.max(1, row), 1, most);
    }

    private void add(OperationCost task, double seconds) {
        ShapeTimes.Place.of(task.shape()).ifPresent(place -> sums
                .computeIfAbsent(task.operation(), o -> new HashMap<>())
                .computeIfAbsent(place.curve(), c -> new TreeMap<>())
                .computeIfAbsent(place.size(), s -> new Sum())
                .add(task, seconds));
    }

    /** By operation, what was measured. */
    Map<Operation, List<ShapeTimes.Curve>> curves() {
        open.forEach(probe -> probe.forEachTask(this::add));
        Map<Operation, List<ShapeTimes.Curve>> curves = new EnumMap<>(Operation.class);
        sums.forEach((operation, of) -> {
            List<ShapeTimes.Curve> all = new ArrayList<>();
            of.forEach((shape, along) -> {
                List<ShapeTimes.Point> points = new ArrayList<>();
                along.forEach((size, sum) -> points.add(sum.point(size)));
                all.add(new ShapeTimes.Curve(shape, points));
            });
            all.sort(Comparator.comparing(c -> c.shape().toString()));
            curves.put(operation, all);
        });
        return curves;
    }

    @Override
    public void close() {
        open.forEach(TaskProbe::close);
    }
}
