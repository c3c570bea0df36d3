package io.maseparation.kernels.operations;

import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.Routing;
import io.maseparation.kernels.gpu.RouterGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.RouterHost;
import io.maseparation.kernels.portable.RouterPortable;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Chooses the experts of each row and their weights, by the rule of every supported family; see {@link Routing}.
 *
 * <p>Experts are chosen by their scores {@code gate[e,:] · h[row,:]}, of equal scores the lowest index first. Softmax
 * before selection and renormalisation after it, and softmax after selection, are the same numbers:
 * {@code exp(s) / Σ exp(s)} over the chosen; without renormalisation the sum is over all experts.
 */
public final class Router {
    private Router() {}

    /**
     * Adds the task (two tasks in the portable body: scores, selection).
     *
     * @param step first row, number of rows, rows of prompts
     * @param h [rows, hidden]
     * @param gate [experts, hidden], or null for a layer without routed experts
     * @param extraGate [hidden] for SIGMOID_GATE, otherwise null
     * @param ids [rows, slots]: chosen experts in ascending index, then the extra expert, whose index is
     *     {@code experts}
     * @param weights [rows, slots]: their weights
     * @param choices [layers, rows, slots]: takes the same ids, for a host that reads them when other layers have
     *     overwritten {@code ids}
     * @param at [1]: where in choices the layer begins; in an array, so that all layers have the same kernel
     * @param scores scratch, [rows, max(1, experts)]
     * @param hidden columns of h
     * @param routing the rule
     * @throws IllegalArgumentException if an array is missing or too short, or a row would have no slot
     */
    public static void add(
            KernelGraph g,
            String id,
            IntArray step,
            FloatArray h,
            @Nullable FloatArray gate,
            @Nullable FloatArray extraGate,
            IntArray ids,
            FloatArray weights,
            IntArray choices,
            IntArray at,
            FloatArray scores,
            int hidden,
            Routing routing) {
        int experts = routing.experts();
        int topK = routing.topK();
        int slots = routing.slots();
        Require.step("Router", step);
        Require.atLeast("Router", "hidden", hidden, 1);
        Require.atLeast("Router", "slots", slots, 1);
        Require.length("Router", "h", h, hidden);
        int rows = h.getSize() / hidden;
        // A task takes no null.
        FloatArray gateOrNone = experts > 0
                ? Require.length("Router", "gate", gate, (long) experts * hidden)
                : DeviceArrays.floats(1);
        FloatArray extraOrNone = routing.extra() == Routing.Extra.SIGMOID_GATE
                ? Require.length("Router", "extraGate", extraGate, hidden)
                : DeviceArrays.floats(1);
        Require.length("Router", "ids", ids, (long) rows * slots);
        Require.length("Router", "weights", weights, (long) rows * slots);
        Require.length("Router", "at", at, 1);
        Require.length("Router", "choices", choices, at.get(0) + (long) rows * slots);
        Require.length("Router", "scores", scores, (long) rows * Math.max(1, experts));
        g.constant(gateOrNone, extraOrNone, at);
        g.workspace(choices);
        int overAll = routing.rule() == Routing.Rule.SOFTMAX_THEN_TOP_K && !routing.renormalise() ? 1 : 0;
        int extra = routing.extra().ordinal();
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(
                    id,
                    RouterHost::route,
                    step,
                    h,
                    gateOrNone,
                    extraOrNone,
                    ids,
                    weights,
                    choices,
                    at,
                    scores,
                    hidden,
                    experts,
                    topK,
                    overAll,
                    extra));
            case GPU -> {
                WorkerGrid workers = WorkerGrids.groups(rows, RouterGpu.GROUP);
                g.task(
                        id,
                        workers,
                        t -> t.task(
                                id,
                                RouterGpu::route,
                                g.context(),
                                step,
                                h,
                                gateOrNone,
                                extraOrNone,
                                ids,
                                weights,
                                choices,
                                at,
                                hidden,
                                experts,
                                topK,
                                overAll,
                                extra));
            }
            case PORTABLE -> {
                if (experts > 0) {
                    g.firstTask(id + "Scores", t -> t.task(
                            id + "Scores", RouterPortable::score, step, h, gateOrNone, scores, hidden, experts));
                }
                g.task(id, t -> t.task(
                        id,
                        RouterPortable::choose,
                        step,
                        h,
                        extraOrNone,
                        ids,
                        weights,
                        choices,
                        at,
                        scores,
                        hidden,
                        experts,
                        topK,
                        overAll,
                        extra));
            }
        }
    }

    /**
     * Least work. Softmax and selection are not counted.
     *
     * @param rows rows of the step
     * @param hidden columns of h
     * @param routing the rule
     */
    public static OpCost cost(int rows, int hidden, Routing routing) {
        long outputs = routing.experts() + (routing.extra() == Routing.Extra.SIGMOID_GATE ? 1L : 0L);
        return new OpCost(
                2L * rows * outputs * hidden, 4 * outputs * hidden + 8L * rows * routing.slots(), 4L * rows * hidden);
    }
}
