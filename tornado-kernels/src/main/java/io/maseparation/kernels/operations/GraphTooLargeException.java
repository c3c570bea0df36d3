package io.maseparation.kernels.operations;

/** A task graph with more in it than TornadoVM takes. */
public final class GraphTooLargeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    GraphTooLargeException(String graph, int tasks, String limit) {
        super(("task graph %s has %d tasks, which is more than TornadoVM takes: %s. Give each rank fewer experts (more expert"
                + " ranks), or use a checkpoint that stacks the experts of a layer in one tensor")
                .formatted(graph, tasks, limit));
    }
}
