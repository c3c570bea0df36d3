package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Launch;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import java.util.ArrayList;
import java.util.List;

/**
 * What the paper leaves open and a simulation has to assume.
 *
 * @param gated experts of three matrices rather than two
 * @param topK experts a token goes to
 * @param launch how operations are started
 * @param collectives which measured tables: "nccl" or "custom"
 */
record Assumptions(boolean gated, int topK, Launch launch, String collectives) {
    /** What maps and curves assume: the plainest model on the best implementation. */
    static final Assumptions USUAL = new Assumptions(false, 2, Launch.GRAPH, "custom");

    /** Everything that is tried. A custom kernel is a part of a captured graph, so eager launches go with NCCL only. */
    static List<Assumptions> all() {
        List<Assumptions> all = new ArrayList<>();
        for (boolean gated : new boolean[] {false, true}) {
            for (int topK = 1; topK <= 2; topK++) {
                all.add(new Assumptions(gated, topK, Launch.EAGER, "nccl"));
                all.add(new Assumptions(gated, topK, Launch.GRAPH, "nccl"));
                all.add(new Assumptions(gated, topK, Launch.GRAPH, "custom"));
            }
        }
        return all;
    }

    ModelConfig config() {
        return Models.paper(gated, topK);
    }

    Scenario scenario(int batch, int context, RoutingModel routing, long seed) {
        return Scenario.decode(batch, context)
                .withLaunch(launch)
                .withCollectives(collectives)
                .withRouting(routing, seed)
                .withLmHead(false);
    }

    /** In words. */
    String text() {
        return "top-%d, %s matrices, %s, %s collectives".formatted(
                topK, gated ? "three" : "two", launch == Launch.EAGER ? "eager launches" : "graphs",
                collectives.equals("nccl") ? "NCCL" : collectives);
    }
}
