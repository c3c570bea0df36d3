package io.maseparation.parallel.studies.paper;

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
 */
record Context(Cluster cluster, boolean quick, long seed, Sweep sweep, RoutingModel uniform) {
    /** Steps of a point of a map or a curve; layers and steps together average the routing. */
    private static final int STEPS = 6;
    private static final int WARMUP = 2;

    /** The fastest layout of a family at a place. */
    record Fastest<P>(P place, String family, Point point) {}

    /** A scenario of a map or a curve under the usual assumptions. */
    Scenario scenario(int batch, int context) {
        return Assumptions.USUAL.scenario(batch, context, uniform, seed).withSteps(STEPS, WARMUP);
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
                    .flatMap(f -> f.fastest(sweep, Assumptions.USUAL.config(), cluster, here)
                            .map(p -> new Fastest<>(place, f.name(), p))
                            .stream())
                    .toList();
        });
    }

    /** What is said under every chart. */
    String note() {
        return "simulated, %s; %s; uniform routing, seed %d"
                .formatted(cluster.name(), Assumptions.USUAL.text(), seed);
    }
}
