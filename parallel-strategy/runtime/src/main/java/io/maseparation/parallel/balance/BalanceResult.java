package io.maseparation.parallel.balance;

/**
 * A placement and how good it is. Loads are in the unit of the problem's loads.
 *
 * @param placement experts of each rank; none holds an expert twice
 * @param heaviest load of the heaviest rank
 * @param bound load that the heaviest rank has under every placement
 * @param optimal whether the placement is known to be the best
 * @param imbalance largest over mean load
 * @param boundImbalance the least imbalance that the bound leaves
 * @param greedy the greedy algorithm's placement, which may hold experts twice
 * @param greedyImbalance its largest over mean load
 */
public record BalanceResult(
        ExpertPlacement placement,
        double heaviest,
        double bound,
        boolean optimal,
        double imbalance,
        double boundImbalance,
        ExpertPlacement greedy,
        double greedyImbalance) {}
