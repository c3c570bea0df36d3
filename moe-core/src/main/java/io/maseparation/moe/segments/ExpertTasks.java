package io.maseparation.moe.segments;

import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertBank;
import io.maseparation.kernels.ExpertBanks;
import io.maseparation.kernels.operations.Combine;
import io.maseparation.kernels.operations.Dispatch;
import io.maseparation.kernels.operations.ExpertDown;
import io.maseparation.kernels.operations.ExpertUp;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.RmsNorm;
import io.maseparation.kernels.operations.Router;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import java.util.List;
import java.util.Objects;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Adds the tasks around experts to a graph: the router, the experts, the weighted sum of their outputs. */
final class ExpertTasks {
    private final RankContext rank;
    private final ModelConfig config;
    private final RankArrays b;

    ExpertTasks(RankContext rank) {
        this.rank = rank;
        config = rank.config();
        b = rank.arrays();
    }

    /**
     * The choice of experts for the rank's rows.
     *
     * @param part which layer, and what leaves the device
     */
    void route(KernelGraph g, Part.Route part) {
        int layer = part.layer();
        LayerWeights w = rank.layer(layer);
        RankArrays.Slots own = rank.slots(layer);
        g.input(b.step);
        g.workspace(b.h, b.scores, own.ids(), own.weights());
        RmsNorm.add(g, "norm_e" + layer, b.step, b.x, w.postNorm(), b.h, config.hidden(), config.normEps());
        Router.add(g, "route" + layer, b.step, b.h, w.router(), w.extraGate(), own.ids(), own.weights(),
                own.choices(), Objects.requireNonNull(b.choiceAt.get(layer), "the layer is the shard's"), b.scores,
                config.hidden(), config.layers().get(layer).routing());
        if (!b.keepsChoices) {
            g.output(own.ids());
        }
        if (part.export()) {
            g.outputRows(b.step, config.hidden(), b.h);
        }
        if (part.weights()) {
            g.output(own.weights());
        }
    }

    /**
     * The experts that the rank holds.
     *
     * @param part which layer, whose rows, and whether their outputs are summed
     */
    void run(KernelGraph g, Part.Experts part) {
        int layer = part.layer();
        boolean received = part.received();
        int slots = config.layers().get(layer).routing().slots();
        IntArray step = received ? b.receivedStep : b.step;
        FloatArray in = received ? b.receivedX : b.h;
        IntArray ids = received ? b.receivedIds : rank.slots(layer).ids();
        FloatArray out = received ? b.receivedOut : rank.slots(layer).expertOut();
        if (received) {
            g.input(b.receivedStep, b.receivedIds);
            g.inputRows(step, config.hidden(), b.receivedX);
            if (part.sums()) {
                g.outputRows(step, config.hidden(), b.receivedX);
            } else {
                g.outputRows(step, slots * config.hidden(), b.receivedOut);
            }
        }
        IntArray groupOf = groupOf(layer);
        ExpertBanks held = rank.matrices().experts(layer);
        List<ExpertBank> banks = held.banks();
        g.constant(groupOf);
        g.workspace(b.offsets, b.pairs, b.inner, out);
        Dispatch.add(g, "dispatch" + layer, step, ids, slots, groupOf, held.size(), b.offsets, b.pairs);
        for (int i = 0; i < banks.size(); i++) {
            ExpertUp.add(g, "up" + layer + "_" + i, in, b.offsets, b.pairs, banks.get(i), b.inner, b.innerStride, slots,
                    config.feedForward().activation());
        }
        for (int i = 0; i < banks.size(); i++) {
            ExpertDown.add(g, "down" + layer + "_" + i, b.inner, b.offsets, b.pairs, banks.get(i), out, b.innerStride);
        }
        if (part.sums()) {
            g.input(b.receivedWeights);
            // The experts have read the rows, so that the sums can take their place.
            Combine.add(g, "sum" + layer, step, out, b.receivedWeights, ids, b.receivedX, slots, config.hidden(), 1f,
                    false);
        }
    }

    /** Local group of each expert of the layer, the extra one last; -1 for those on other ranks. */
    private IntArray groupOf(int layer) {
        int experts = config.layers().get(layer).routing().experts();
        IntArray groupOf = DeviceArrays.ints(experts + 1);
        groupOf.init(-1);
        Shard.Experts share = rank.shard().experts().orElseThrow();
        List<Integer> held = share.perLayer().get(layer);
        for (int i = 0; i < held.size(); i++) {
            groupOf.set(held.get(i), i);
        }
        if (share.extra() && rank.layer(layer).extra() != null) {
            groupOf.set(experts, held.size());
        }
        return groupOf;
    }

    /**
     * The weighted sum of the outputs of a row's experts.
     *
     * @param imported whether the outputs come from the host
     * @param partial whether the sum is one of several that ranks add up, not added to the residual stream yet
     */
    void combine(KernelGraph g, int layer, boolean imported, boolean partial) {
        g.input(b.step);
        RankArrays.Slots own = rank.slots(layer);
        int slots = config.layers().get(layer).routing().slots();
        if (imported) {
            g.inputRows(b.step, slots * config.hidden(), own.expertOut());
        }
        Combine.add(g, "combine" + layer, b.step, own.expertOut(), own.weights(), own.ids(), partial ? b.partial : b.x,
                slots, config.hidden(),
                partial ? 1f : config.numerics().residualMultiplier(), !partial);
        if (partial) {
            g.outputRows(b.step, config.hidden(), b.partial);
        }
    }
}
