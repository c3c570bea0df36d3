package io.maseparation.moe.segments;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;

/**
 * One task of a segment and what it must do.
 *
 * @param operation operation
 * @param cost its work; {@link OpCost#ZERO} for a task that stands in the graph and finds nothing to do
 */
public record OperationCost(Operation operation, OpCost cost) {}
