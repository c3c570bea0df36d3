package io.maseparation.parallel.plan;

import io.maseparation.moe.ModelConfig;
import java.util.List;

/**
 * A layout and a program for every rank. Plans are data: the executor runs them, the checker checks them.
 *
 * @param options what was asked for
 * @param config the model
 * @param ranks one entry a rank, by index
 * @param placement which ranks hold which experts
 * @param groups number of shares the sequences are divided into; each share's rows live on the ranks of that group
 */
public record Plan(
        StrategyOptions options, ModelConfig config, List<RankPlan> ranks, Placement placement, int groups) {
    public Plan {
        ranks = List.copyOf(ranks);
    }
}
