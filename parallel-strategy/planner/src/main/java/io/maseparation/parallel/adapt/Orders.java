package io.maseparation.parallel.adapt;

import io.maseparation.parallel.change.Changes.Ordered;
import io.maseparation.parallel.change.LayoutChange.Kind;
import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Target;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Changes of layout that are made at a given step, whatever they cost. */
public final class Orders {
    private Orders() {}

    /**
     * {@return a change to another ratio, with experts placed by the loads so far and as few moves of sequences as
     * possible}
     *
     * @param step decode step at which the layout changes
     * @param attentionDevices number of attention devices from then on
     * @param expertDevices number of expert devices from then on
     */
    public static Ordered ratio(int step, int attentionDevices, int expertDevices) {
        return new Ordered(step, Kind.RATIO,
                state -> Moves.ratio(state, rows(state), attentionDevices, expertDevices, 0).target());
    }

    /**
     * {@return a change that evens experts out by the loads so far}
     *
     * @param step decode step at which the layout changes
     * @param redundant places for replicas in each layer, on all expert ranks together
     */
    public static Ordered experts(int step, int redundant) {
        return new Ordered(step, Kind.EXPERTS, state -> new Target(
                state.plan().setup(),
                Optional.of(Moves.places(state.plan(), rows(state), state.plan().layout(), redundant)),
                Optional.empty()));
    }

    /**
     * {@return a change that evens sequences out by the positions they have and will get}
     *
     * @param step decode step at which the layout changes
     */
    public static Ordered sequences(int step) {
        return new Ordered(step, Kind.SEQUENCES, state -> new Target(
                state.plan().setup(),
                Optional.of(state.plan().placement().experts()),
                Optional.of(Moves.evenOwners(state))));
    }

    /**
     * {@return a change to the layout and the places of experts of a plan file} It is refused if the file is for
     * another model, or for other devices than the run's.
     *
     * @param step decode step at which the layout changes
     * @param file the plan file
     */
    public static Ordered plan(int step, PlanFile file) {
        return new Ordered(step, Kind.RATIO, state -> {
            List<Integer> devices = file.toPlan(state.plan().config()).devices();
            if (!devices.equals(state.plan().devices())) {
                throw new PlanException("the plan is for devices %s, the run is on devices %s, where its ranks stay"
                        .formatted(devices, state.plan().devices()));
            }
            return new Target(file.setup(), file.experts(), Optional.empty());
        });
    }

    private static double[][] rows(LiveState state) {
        return Arrays.stream(state.loads())
                .map(layer -> Arrays.stream(layer).asDoubleStream().toArray())
                .toArray(double[][]::new);
    }
}
