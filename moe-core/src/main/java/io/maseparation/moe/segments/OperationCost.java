package io.maseparation.moe.segments;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.Format;

/**
 * One task of a segment and what it must do.
 *
 * @param operation operation
 * @param cost its work; {@link OpCost#ZERO} for a task that stands in the graph and finds nothing to do
 * @param positions positions that a row sees one after the other, in decode attention; 0 in all others
 * @param shape what its time depends on besides its work
 * @param format format of the weights, or of the keys and values, that it multiplies
 */
public record OperationCost(Operation operation, OpCost cost, int positions, Shape shape, Format format) {
    /** Shape of a task, as far as tables of measured times go by it. */
    public sealed interface Shape {}

    /** A shape that no table goes by. */
    public enum Other implements Shape {
        /** The only one. */
        OTHER
    }

    /**
     * A product of rows and a matrix.
     *
     * @param rows rows
     * @param outputs rows of the matrix
     * @param inputs columns of the matrix
     */
    public record Product(int rows, int outputs, int inputs) implements Shape {}

    /**
     * Decode attention.
     *
     * @param lanes rows times key-value heads, which are independent of each other
     * @param group queries that share a key
     * @param positions mean number of positions that a row sees
     */
    public record Attention(int lanes, int group, double positions) implements Shape {}

    /**
     * One of the matrices of the experts of a layer.
     *
     * @param pairs pairs of a row and an expert
     * @param held experts
     * @param active experts that at least one row visits
     * @param perRow experts that a row visits, on all ranks together
     * @param width width of each
     * @param hidden width of the model
     */
    public record ExpertBank(int pairs, int held, int active, int perRow, int width, int hidden) implements Shape {}

    /** A task that multiplies nothing of a format of its own. */
    public OperationCost(Operation operation, OpCost cost) {
        this(operation, cost, Other.OTHER, Format.BF16);
    }

    /** A task without steps that wait for each other. */
    public OperationCost(Operation operation, OpCost cost, Shape shape, Format format) {
        this(operation, cost, 0, shape, format);
    }
}
