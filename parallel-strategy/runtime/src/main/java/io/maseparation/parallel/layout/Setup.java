package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import java.util.Objects;

/**
 * What a plan is made of: a layout, and how the batch goes through it.
 *
 * @param layout how the model is spread
 * @param batching how the batch is divided
 */
public record Setup(Layout layout, Batching batching) {
    /** Refuses what is missing. */
    public Setup {
        Objects.requireNonNull(layout, "layout");
        Objects.requireNonNull(batching, "batching");
    }

    /**
     * {@return the same with another layout}
     *
     * @param other the layout
     */
    public Setup withLayout(Layout other) {
        return new Setup(other, batching);
    }

    /**
     * {@return the same with another number of micro-batches}
     *
     * @param n number of micro-batches, at least 1
     * @throws PlanException if there are fewer
     */
    public Setup withMicroBatches(int n) {
        return new Setup(layout, new Batching(n, batching.schedule()));
    }

    /**
     * {@return the same with another schedule}
     *
     * @param other the schedule
     */
    public Setup withSchedule(Schedule other) {
        return new Setup(layout, new Batching(batching.microBatches(), other));
    }

    /**
     * {@return the layout's name and, where there are several, micro-batches, such as "ma 3:1, 2 micro-batches"}
     */
    public String name() {
        return batching.after(layout.name());
    }

    void check(ModelConfig config) {
        layout.check(config);
        SizeChecks.count(Batching.MICRO_BATCHES, batching.microBatches(), Batching.MOST_MICRO_BATCHES);
    }
}
