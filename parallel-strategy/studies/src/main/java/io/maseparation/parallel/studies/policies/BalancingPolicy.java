package io.maseparation.parallel.studies.policies;

import io.maseparation.files.Identified;
import io.maseparation.parallel.adapt.Adaptation;
import io.maseparation.parallel.adapt.Orders;
import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.change.LayoutPolicy.Proposal;
import java.util.Optional;

/** What may be done about uneven experts while a service runs. None of them knows future loads. */
public enum BalancingPolicy implements Identified {
    /** Experts in order over the ranks, never moved. */
    STATIC,
    /** Experts placed once, by the loads of the warm-up, each on one rank. */
    PLACEMENT,
    /** Experts placed once, by the loads of the warm-up, with replicas in the spare slots. */
    REPLICAS,
    /** Experts, replicas and sequences moved whenever that is predicted to pay. */
    DYNAMIC,
    /** The same, and devices go from one pool to the other. */
    ELASTIC;

    /**
     * What decides on changes, the same code as in a run; nothing where the policy changes nothing after the warm-up.
     */
    Optional<Adaptation> adaptation(PolicyScenario scenario) {
        return switch (this) {
            case STATIC, PLACEMENT, REPLICAS -> Optional.empty();
            case DYNAMIC, ELASTIC -> Optional.of(new Adaptation(
                    scenario.start().cluster(),
                    scenario.start().scenario().conditions(),
                    new Adaptation.Reach(true, true, this == ELASTIC, scenario.redundantExperts()),
                    scenario.rule()));
        };
    }

    /** What is done at the end of the warm-up, whatever it costs. */
    Optional<Proposal> order(PolicyScenario scenario, LiveState state) {
        return switch (this) {
            case STATIC, DYNAMIC, ELASTIC -> Optional.empty();
            case PLACEMENT, REPLICAS -> {
                var order = Orders.experts(state.decoded(), this == REPLICAS ? scenario.redundantExperts() : 0);
                yield Optional.of(new Proposal(order.target().apply(state), order.kind(), Double.NaN));
            }
        };
    }

    /** Whether the ratio of devices may change. */
    boolean changesRatio() {
        return this == ELASTIC;
    }
}
