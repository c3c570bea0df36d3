package io.maseparation.moe.segments;

import io.maseparation.kernels.KernelGraph;
import io.maseparation.moe.ModelException;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.RopeTable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

/**
 * Runs segments task by task and times each: the tasks, arrays and weights that {@link RankDevice} runs, in the same order.
 * For devices that work in the host's memory.
 */
public final class SegmentProbe implements AutoCloseable {
    private final TornadoExecutionPlan plan;
    private final RankBuffers buffers;
    private final int empty;
    private final Map<String, int[]> tasks = new HashMap<>();

    /**
     * @param device an embedded device
     * @throws IllegalArgumentException if the device has a memory of its own
     */
    public SegmentProbe(
            Device device, ModelWeights weights, Shard shard, Capacity capacity, List<Segment> segments) {
        if (!device.target().embedded()) {
            throw new IllegalArgumentException("tasks are timed one by one on embedded devices only");
        }
        RankArrays arrays = new RankArrays(weights.config(), shard, capacity);
        buffers = RankBuffers.of(arrays);
        GridScheduler grid = new GridScheduler();
        SegmentBuilder builder = new SegmentBuilder(
                weights,
                shard,
                arrays,
                capacity.kvType(),
                RopeTable.create(
                        weights.config().rope(),
                        weights.config().headDim(),
                        capacity.maxContext()),
                device.target(),
                grid);
        List<ImmutableTaskGraph> graphs = new ArrayList<>();
        for (Segment segment : segments) {
            KernelGraph graph = builder.graph(segment);
            int[] numbers = new int[graph.taskCount()];
            List<ImmutableTaskGraph> built = graph.buildTasks();
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = graphs.size();
                graphs.add(built.get(i));
            }
            tasks.put(segment.name(), numbers);
        }
        empty = graphs.size();
        graphs.add(new TaskGraph("empty").snapshot());
        plan = new TornadoExecutionPlan(graphs.toArray(ImmutableTaskGraph[]::new));
        plan.withDevice(device.device());
    }

    /** The rank's arrays on the host. */
    public RankBuffers buffers() {
        return buffers;
    }

    /**
     * Runs a segment on the rows that {@link RankBuffers#step} names.
     *
     * @return nanoseconds of each task, in the order of {@link SegmentCosts#of}; each contains what an empty graph takes
     */
    public long[] run(String segment) {
        int[] numbers = tasks.get(segment);
        long[] nanos = new long[numbers.length];
        for (int i = 0; i < numbers.length; i++) {
            nanos[i] = run(numbers[i]);
        }
        return nanos;
    }

    /** Nanoseconds of a graph without tasks. */
    public long runNothing() {
        return run(empty);
    }

    private long run(int graph) {
        long start = System.nanoTime();
        plan.withGraph(graph).execute();
        return System.nanoTime() - start;
    }

    @Override
    public void close() {
        try {
            plan.close();
        } catch (TornadoExecutionPlanException e) {
            throw new ModelException("memory could not be freed: " + e.getMessage(), e);
        }
    }
}
