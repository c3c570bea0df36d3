package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * A layout that a run can go on with.
 *
 * @param setup layout and batching; only the numbers of attention and expert devices may differ from the present ones,
 *     and not their sum
 * @param experts which expert groups hold which experts; even shares where it is empty
 * @param owners for each sequence the attention group that goes on with it; dealt out by length where it is empty
 */
public record Target(Setup setup, Optional<ExpertGroups> experts, Optional<List<Integer>> owners) {
    /** Copies the list. */
    public Target {
        Objects.requireNonNull(setup, "setup");
        Objects.requireNonNull(experts, "experts");
        Objects.requireNonNull(owners, "owners");
        owners = owners.map(List::copyOf);
    }

    /**
     * {@return other numbers of attention and expert devices, experts in even shares, sequences dealt out by length}
     *
     * @param present the present setup
     * @param attentionDevices ranks with attention
     * @param expertDevices ranks with experts
     */
    public static Target ratio(Setup present, int attentionDevices, int expertDevices) {
        Objects.requireNonNull(present, "present");
        return new Target(ofRatio(present, attentionDevices, expertDevices), Optional.empty(), Optional.empty());
    }

    /**
     * {@return the same with other places of the experts}
     *
     * @param groups which expert groups hold which experts
     */
    public Target withExperts(ExpertGroups groups) {
        return new Target(setup, Optional.of(groups), owners);
    }

    /**
     * {@return the same with other owners of the sequences}
     *
     * @param groups attention group of each sequence
     */
    public Target withOwners(List<Integer> groups) {
        return new Target(setup, experts, Optional.of(groups));
    }

    private static Setup ofRatio(Setup present, int attentionDevices, int expertDevices) {
        return present.layout() instanceof Layout.Separated separated
                ? present.withLayout(separated.withRatio(attentionDevices, expertDevices))
                : present;
    }

    /**
     * {@return the plan, on the devices that the run has}
     *
     * @param present the plan that the run is on
     * @throws PlanException if a run on the present plan cannot go on with this
     */
    public Plan plan(Plan present) {
        ModelConfig config = present.config();
        Layout layout = setup.layout();
        Setup reached = layout instanceof Layout.Separated separated
                ? ofRatio(present.setup(), separated.attentionDevices(), separated.expertDevices())
                : present.setup();
        if (!reached.equals(setup) || layout.ranks() != present.layout().ranks()) {
            throw new PlanException(
                    "a run on %s cannot go on with %s: only devices may turn from attention to experts and back"
                            .formatted(present.layout().name(), layout.name()));
        }
        Plan plan = Planning.plan(config, setup, experts).withDevices(present.devices());
        owners.ifPresent(groups -> {
            if (groups.stream().anyMatch(g -> g < 0 || g >= plan.groups())) {
                throw new PlanException("sequences belong to attention groups 0 to %d, not to %s"
                        .formatted(plan.groups() - 1, groups));
            }
        });
        return plan;
    }
}
