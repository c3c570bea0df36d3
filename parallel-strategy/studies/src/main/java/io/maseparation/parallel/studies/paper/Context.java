package io.maseparation.parallel.studies.paper;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;

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

    /** A scenario of a map or a curve under the usual assumptions. */
    Scenario scenario(int batch, int context) {
        return Assumptions.USUAL.scenario(batch, context, uniform, seed).withSteps(STEPS, WARMUP);
    }

    /** What is said under every chart. */
    String note() {
        return "simulated, %s; %s; uniform routing, seed %d"
                .formatted(cluster.name(), Assumptions.USUAL.text(), seed);
    }
}
