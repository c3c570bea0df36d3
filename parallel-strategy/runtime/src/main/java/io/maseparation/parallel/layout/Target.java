package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import java.util.List;
import java.util.Optional;

/**
 * A layout that a run can go on with.
 *
 * @param options sizes; of the present ones only the numbers of attention and expert devices may differ, and not their sum
 * @param experts for each layer and routed expert the expert groups that hold it
 *     ({@link io.maseparation.parallel.layout.Placement#replicatedExperts}); even shares where it is empty
 * @param owners for each sequence the attention group that goes on with it; dealt out by length where it is empty
 */
public record Target(
        StrategyOptions options, Optional<List<List<List<Integer>>>> experts, Optional<List<Integer>> owners) {
    public Target {
        experts = experts.map(layers -> layers.stream().map(l -> l.stream().map(List::copyOf).toList()).toList());
        owners = owners.map(List::copyOf);
    }

    /** Other numbers of attention and expert devices, experts in even shares, sequences dealt out by length. */
    public static Target ratio(StrategyOptions present, int attentionDevices, int expertDevices) {
        return new Target(present.withRatio(attentionDevices, expertDevices), Optional.empty(), Optional.empty());
    }

    /** The same with other places of the experts. */
    public Target withExperts(List<List<List<Integer>>> groups) {
        return new Target(options, Optional.of(groups), owners);
    }

    /** The same with other owners of the sequences. */
    public Target withOwners(List<Integer> groups) {
        return new Target(options, experts, Optional.of(groups));
    }

    /**
     * The plan, on the devices that the run has.
     *
     * @throws PlanException if a run on the present plan cannot go on with this
     */
    public Plan plan(Plan present) {
        ModelConfig config = present.config();
        StrategyOptions sizes = present.options();
        if (!sizes.withRatio(options.attentionDevices(), options.expertDevices()).equals(options)
                || options.ranks() != sizes.ranks()) {
            throw new PlanException(
                    "a run on %s cannot go on with %s: only devices may turn from attention to experts and back"
                            .formatted(sizes.layout(), options.layout()));
        }
        Plan plan = Planning.planReplicated(config, options, experts).withDevices(present.devices());
        owners.ifPresent(groups -> {
            if (groups.stream().anyMatch(g -> g < 0 || g >= plan.groups())) {
                throw new PlanException("sequences belong to attention groups 0 to %d, not to %s"
                        .formatted(plan.groups() - 1, groups));
            }
        });
        return plan;
    }
}
