package io.maseparation.parallel.plan;

import java.util.List;

/**
 * Which ranks hold which experts.
 *
 * @param holders for each layer and expert (the extra expert last, at index {@code experts}) the ranks that hold it,
 *     ascending; empty for an extra expert that does not exist
 */
public record Placement(List<List<List<Integer>>> holders) {
    public Placement {
        holders = holders.stream()
                .map(layer -> layer.stream().map(List::copyOf).toList())
                .toList();
    }

    /**
     * The rank that computes an expert for the rows of a rank: itself where it holds the expert, otherwise one of the
     * holders, spread by the index of the asking group.
     */
    public int rankFor(int layer, int expert, int askingRank, int askingGroup) {
        List<Integer> ranks = holders.get(layer).get(expert);
        return ranks.contains(askingRank) ? askingRank : ranks.get(askingGroup % ranks.size());
    }
}
