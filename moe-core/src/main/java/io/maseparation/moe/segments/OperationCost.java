package io.maseparation.moe.segments;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;

/**
 * One task of a segment and what it must do.
 *
 * @param operation operation
 * @param cost its work; {@link OpCost#ZERO} for a task that stands in the graph and finds nothing to do
 * @param positions positions that a row sees one after the other, in decode attention; 0 in all others
 */
public record OperationCost(Operation operation, OpCost cost, int positions) {
    /** A task without steps that wait for each other. */
    public OperationCost(Operation operation, OpCost cost) {
        this(operation, cost, 0);
    }
}
