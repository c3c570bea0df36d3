package io.maseparation.parallel.layout;

import io.maseparation.files.Text;
import io.maseparation.moe.ModelConfig;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A layout and a program for every rank. Plans are data: the executor runs them, the simulator times them, the checker
 * checks them.
 *
 * @param setup layout and batching that it is made of
 * @param config the model
 * @param ranks one entry per rank, by index
 * @param placement which ranks hold which experts
 * @param groups number of shares the sequences are divided into; each share's rows live on the ranks of that group
 * @param devices for each rank the index of its device, in the machine or cluster it runs on; several ranks may share
 *     one
 */
public record Plan(
        Setup setup,
        ModelConfig config,
        List<RankPlan> ranks,
        Placement placement,
        int groups,
        List<Integer> devices) {
    /**
     * Copies the lists.
     *
     * @throws PlanException if there is not a device for each rank, or the index of one is negative
     */
    public Plan {
        ranks = List.copyOf(ranks);
        devices = List.copyOf(devices);
        if (devices.size() != ranks.size()) {
            throw new PlanException("the plan has %s for %s"
                    .formatted(Text.count(devices.size(), "device"), Text.count(ranks.size(), "rank")));
        }
        if (devices.stream().anyMatch(d -> d < 0)) {
            throw new PlanException("devices are numbered from 0, not %s".formatted(devices));
        }
    }

    /** A plan whose ranks are on the devices of the same index. */
    Plan(Setup setup, ModelConfig config, List<RankPlan> ranks, Placement placement, int groups) {
        this(setup, config, ranks, placement, groups,
                IntStream.range(0, ranks.size()).boxed().toList());
    }

    /** {@return the numbers of its ranks, ascending} */
    public List<Integer> rankNumbers() {
        return ranks.stream().map(RankPlan::rank).toList();
    }

    /** {@return how the model is spread} */
    public Layout layout() {
        return setup.layout();
    }

    /** {@return how the batch goes through it} */
    public Batching batching() {
        return setup.batching();
    }

    /**
     * {@return whether a rank ends its program for a micro-batch before it takes the next one, all ranks in the same
     * order: where that is asked for, and in every pipeline} A stage that switched wherever it waits, in an all-reduce
     * say, would bring all micro-batches to the next stage at once and have none left for itself, which doubles the
     * time of a step.
     */
    public boolean inOrder() {
        return batching().schedule() == Schedule.BARRIER || layout().stages() > 1;
    }

    /**
     * {@return the same plan on other devices}
     *
     * @param devices index of each rank's device
     * @throws PlanException if there is not one for each rank, or an index is negative
     */
    public Plan withDevices(List<Integer> devices) {
        Objects.requireNonNull(devices, "devices");
        return new Plan(setup, config, ranks, placement, groups, devices);
    }

    /**
     * Checks that weights are those of a model of this plan's shape: ranks take rows and columns of tensors by its
     * sizes.
     *
     * @param held the model that there are weights of
     * @throws PlanException if it has another shape
     */
    public void checkHeldBy(ModelConfig held) {
        boolean same = config.hidden() == held.hidden()
                && config.vocab() == held.vocab()
                && config.attention().equals(held.attention())
                && config.feedForward().equals(held.feedForward())
                && shapes(config).equals(shapes(held));
        if (!same) {
            throw new PlanException("the plan is for model %s (%s), the weights are those of %s (%s)"
                    .formatted(config.name(), PlanFile.Shape.of(config), held.name(), PlanFile.Shape.of(held)));
        }
    }

    private static List<ModelConfig.Layer> shapes(ModelConfig config) {
        return config.layers().stream().map(layer -> layer.with(Optional.empty())).toList();
    }
}
