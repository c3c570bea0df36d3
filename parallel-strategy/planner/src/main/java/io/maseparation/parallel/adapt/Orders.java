package io.maseparation.parallel.adapt;

import io.maseparation.parallel.change.Changes.Ordered;
import io.maseparation.parallel.change.LayoutChange.Kind;
import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Target;
import java.util.Arrays;
import java.util.Optional;

/** Changes of layout that are made at a given step, whatever they cost. */
public final class Orders {
    private Orders() {}

    /** Another ratio, with experts by the loads so far and as few moves of sequences as possible. */
    public static Ordered ratio(int step, int attentionDevices, int expertDevices) {
        return new Ordered(step, Kind.RATIO,
                state -> Moves.ratio(state, rows(state), attentionDevices, expertDevices, 0).target());
    }

    /**
     * Experts evened out by the loads so far, with replicas.
     *
     * @param redundant further places in each layer, over all expert ranks together
     */
    public static Ordered experts(int step, int redundant) {
        return new Ordered(step, Kind.EXPERTS, state -> new Target(
                state.plan().setup(),
                Optional.of(Moves.places(state.plan(), rows(state), state.plan().layout(), redundant)),
                Optional.empty()));
    }

    /** Sequences evened out by the positions they have and will get. */
    public static Ordered sequences(int step) {
        return new Ordered(step, Kind.SEQUENCES, state -> new Target(
                state.plan().setup(),
                Optional.of(state.plan().placement().experts()),
                Optional.of(Moves.evenOwners(state))));
    }

    /** The layout and the places of experts of a plan file. */
    public static Ordered plan(int step, PlanFile file) {
        return new Ordered(step, Kind.RATIO, state -> new Target(file.setup(), file.experts(), Optional.empty()));
    }

    private static double[][] rows(LiveState state) {
        return Arrays.stream(state.loads())
                .map(layer -> Arrays.stream(layer).asDoubleStream().toArray())
                .toArray(double[][]::new);
    }
}
