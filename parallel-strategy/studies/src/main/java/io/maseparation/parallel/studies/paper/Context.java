package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import java.util.List;
import java.util.function.Function;

/**
 * What every part of a reproduction needs.
 *
 * @param cluster 16 devices
 * @param quick whether few points are enough
 * @param seed of the routing
 * @param sweep where simulations run
 * @param uniform uniform routing, drawn once
 * @param formats number formats
 */
record Context(Cluster cluster, boolean quick, long seed, Sweep sweep, RoutingModel uniform, Formats formats) {
    /** Steps of a point of a map or a curve; layers and steps together average the routing. */
    private static final int STEPS = 6;
    private static final int WARMUP = 2;

    /** The fastest layout of a family at a place. */
    record Fastest<P>(P place, String family, Point point) {}

    /** A scenario of a map or a curve under the usual assumptions. */
    Scenario scenario(int batch, int context) {
        return scenario(Assumptions.USUAL, batch, context, uniform).withSteps(STEPS, WARMUP);
    }

    /** A scenario under some assumptions. */
    Scenario scenario(Assumptions assumptions, int batch, int context, RoutingModel routing) {
        return formats.of(assumptions.scenario(batch, context, routing, seed));
    }

    /** The paper's model under the usual assumptions. */
    ModelConfig model() {
        return formats.of(Assumptions.USUAL.config());
    }

    /** Bounds of the paper's model. */
    Bounds bounds(boolean gated, int topK) {
        return bounds(formats.of(Models.paper(gated, topK)));
    }

    Bounds bounds(ModelConfig config) {
        return Bounds.of(config, formats.cache(), cluster);
    }

    /**
     * The fastest layout of each family at each place; none of a family that cannot be laid out or does not fit.
     *
     * @param scenario what is simulated at a place
     */
    <P> List<Fastest<P>> fastest(List<P> places, List<Family> families, Function<P, Scenario> scenario) {
        return sweep.flatMap(places, place -> {
            Scenario here = scenario.apply(place);
            return families.stream()
                    .flatMap(f -> f.fastest(sweep, model(), cluster, here)
                            .map(p -> new Fastest<>(place, f.name(), p))
                            .stream())
                    .toList();
        });
    }

    /** What is said under every chart. */
    String note() {
        return "simulated, %s; %s; uniform routing, seed %d%s"
                .formatted(cluster.name(), Assumptions.USUAL.text(), seed, formats.text());
    }
}
