package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Collectives;
import io.maseparation.parallel.cluster.Launch;
import io.maseparation.parallel.simulate.Conditions;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import java.util.ArrayList;
import java.util.List;

/**
 * What the paper leaves open and a simulation has to assume.
 *
 * @param gated experts of three matrices rather than two
 * @param topK experts that each token goes to
 * @param launch how operations are started
 * @param collectives which measurements of collectives
 */
record Assumptions(boolean gated, int topK, Launch launch, Collectives collectives) {
    /** What maps and curves assume: the plainest model on the best implementation. */
    static final Assumptions USUAL = new Assumptions(false, 2, Launch.GRAPH, Collectives.CUSTOM);

    /** Everything that is tried. A custom kernel is a part of a captured graph, so eager launches go with NCCL only. */
    static List<Assumptions> all() {
        List<Assumptions> all = new ArrayList<>();
        for (boolean gated : new boolean[] {false, true}) {
            for (int topK = 1; topK <= 2; topK++) {
                all.add(new Assumptions(gated, topK, Launch.EAGER, Collectives.NCCL));
                all.add(new Assumptions(gated, topK, Launch.GRAPH, Collectives.NCCL));
                all.add(new Assumptions(gated, topK, Launch.GRAPH, Collectives.CUSTOM));
            }
        }
        return all;
    }

    ModelConfig config() {
        return Models.paper(gated, topK);
    }

    Scenario scenario(int batch, int context, RoutingModel routing, long seed) {
        return Scenario.decode(batch, context)
                .with(new Conditions(launch, collectives, Format.F16, 2, false))
                .withRouting(routing, seed);
    }

    /** In words. */
    String text() {
        return "top-%d, %s matrices, %s, %s collectives".formatted(
                topK, gated ? "three" : "two", launch == Launch.EAGER ? "eager launches" : "graphs",
                collectives == Collectives.NCCL ? "NCCL" : collectives.id());
    }
}
